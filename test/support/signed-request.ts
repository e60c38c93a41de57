import type { KMSClient } from '@aws-sdk/client-kms';
import type { TestServer } from './server.ts';

/** A request as the AWS SDK would have sent it. */
export interface CapturedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Has the AWS SDK build and sign a request for a server without sending it, for tests that send it in their own way. */
export async function captureRequest(
  server: TestServer,
  send: (client: KMSClient) => Promise<unknown>,
): Promise<CapturedRequest> {
  const captured = Promise.withResolvers<CapturedRequest>();
  const client = server.kms({
    requestHandler: {
      handle: ({ headers, body }: { headers: CapturedRequest['headers']; body: string | Uint8Array }) => {
        captured.resolve({ headers, body: typeof body === 'string' ? body : new TextDecoder().decode(body) });
        return Promise.reject(new Error('captured, not sent'));
      },
    },
  });
  send(client).catch(captured.reject);
  return captured.promise;
}
