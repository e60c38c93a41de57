import type { PolicyDescriptorType, Tag } from '@aws-sdk/client-sts';
import { tagKeyLimits, tagValueLimits } from './iam-shapes.ts';
import { integer, list, type Pattern, required, string, structure } from './shapes.ts';

/** The members that operations of STS share, with the constraints of its published service description. */

const textCharacters: Pattern = {
  printed: '[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+',
  matches: /^[\t\n\r\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]+$/u,
};
const nameCharacters: Pattern = { printed: '[\\w+=,.@-]*', matches: /^[\w+=,.@-]*$/ };
const documentCharacters: Pattern = {
  printed: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+',
  matches: /^[\t\n\r\u0020-\u00FF]+$/,
};

export const arn = string({ min: 20, max: 2048, pattern: textCharacters });
export const roleSessionName = string({ min: 2, max: 64, pattern: nameCharacters });
export const federatedUserName = string({ min: 2, max: 32, pattern: nameCharacters });
export const sourceIdentity = string({ min: 2, max: 64, pattern: nameCharacters });
export const externalId = string({
  min: 2,
  max: 1224,
  pattern: { printed: '[\\w+=,.@:\\/-]*', matches: /^[\w+=,.@:/-]*$/ },
});
export const serialNumber = string({
  min: 9,
  max: 256,
  pattern: { printed: '[\\w+=/:,.@-]*', matches: /^[\w+=/:,.@-]*$/ },
});
export const tokenCode = string({ min: 6, max: 6, pattern: { printed: '[\\d]*', matches: /^[\d]*$/ } });
export const accessKeyId = string({ min: 16, max: 128, pattern: { printed: '[\\w]*', matches: /^[\w]*$/ } });
export const roleDuration = integer({ min: 900, max: 43200 });
/** Of sessions of users and of federated users. */
export const duration = integer({ min: 900, max: 129600 });
export const minimumSessionTokenSize = integer({ min: 0, max: 4096 });
export const sessionPolicy = string({ min: 1, max: 2048, pattern: documentCharacters });
/** Of AssumeRole; what is too long is too large when it is packed. */
export const unrestrictedSessionPolicy = string({ min: 1, pattern: documentCharacters });
export const sessionPolicyArns = list(structure<PolicyDescriptorType>({ arn }));
/** A token of an identity provider. */
export const clientToken = string({ min: 4, max: 20000, sensitive: true });
/** Of an OAuth 2.0 provider, without a scheme. */
export const providerId = string({ min: 4, max: 2048 });

/** Tags of sessions, as IAM's. */
const tagKey = string(tagKeyLimits);
export const tags = list(structure<Tag>({ Key: required(tagKey), Value: required(string(tagValueLimits)) }), {
  max: 50,
});
export const tagKeys = list(tagKey, { max: 50 });
