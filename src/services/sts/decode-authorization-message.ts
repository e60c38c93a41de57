import type { DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse } from '@aws-sdk/client-sts';
import { KeyholdError } from '../../runtime/errors.ts';
import { required, string, structure } from '../../wire/shapes.ts';
import { accountTarget } from '../account-target.ts';
import type { StsOperation } from './ports.ts';
import { refusingSessions } from './targets.ts';

/**
 * AWS's encoded messages come with refusals of Amazon EC2 and a few others: those of KMS, IAM and STS say in plain words why
 * they refuse, and so do all of this server. So there is no message yet that this operation could decode, and it says of
 * each what AWS says of one that is not its own.
 */
export const decodeAuthorizationMessage: StsOperation<
  DecodeAuthorizationMessageRequest,
  DecodeAuthorizationMessageResponse,
  { account: undefined }
> = {
  name: 'DecodeAuthorizationMessage',
  input: structure<DecodeAuthorizationMessageRequest>({ EncodedMessage: required(string({ min: 1, max: 10240 })) }),
  targets: { account: refusingSessions(accountTarget('sts:DecodeAuthorizationMessage'), ['user', 'federated']) },
  effect: 'read',
  audit: { readOnly: true, request: [] },
  handle: () => {
    throw new KeyholdError('InvalidAuthorizationMessageException', 'Message is not valid.');
  },
};
