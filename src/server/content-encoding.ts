import { gunzipSync } from 'node:zlib';
import { KeyholdError } from '../runtime/errors.ts';
import { serializationException } from '../wire/shape.ts';
import { headerValue } from './header-value.ts';

/** As of bodies that come as they are: what was compressed may take no more room, and no more than some milliseconds. */
const MOST_BYTES = 1024 * 1024;

/**
 * A body as it was before the client compressed it, as AWS's clients do with more than 10 KiB of metrics ("requestCompression
 * trait", Smithy specification). The signature is over what was sent.
 *
 * @throws KeyholdError SerializationException, RequestEntityTooLargeException
 */
export function decodedBody(request: {
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}): Uint8Array {
  const encoding = headerValue(request.rawHeaders, 'content-encoding').toLowerCase();
  if (encoding !== 'gzip') return request.body;
  try {
    return gunzipSync(request.body, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new KeyholdError('RequestEntityTooLargeException', 'The request is too large.');
    }
    throw serializationException('');
  }
}
