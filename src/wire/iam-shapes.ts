import type { Tag } from '@aws-sdk/client-iam';
import { integer, list, type Pattern, required, type StringLimits, string, structure } from './shapes.ts';

/**
 * The members that many operations of IAM share, with the constraints of its published service description
 * (`botocore-drift.test.ts` compares them).
 *
 * IAM's messages do not show the strings that they refuse, and for names, paths and documents they have sentences of
 * their own instead of the pattern (LocalStack's test_iam_policies and test_iam_mfa snapshots, recorded from AWS in
 * February 2026; cfn-lint's issues 722 and 996 quote the same).
 */

/** A string that IAM's messages do not show. */
export const iamString = (limits: StringLimits) => string({ ...limits, unquoted: true });

const nameCharacters: Pattern = {
  printed: '[\\w+=,.@-]+',
  matches: /^[\w+=,.@-]+$/,
  reason: 'It must contain only alphanumeric characters and/or the following: +=,.@_-',
};
const wordCharacters: Pattern = { printed: '[\\w]+', matches: /^[\w]+$/ };
const markerCharacters: Pattern = { printed: '[\\u0020-\\u00FF]+', matches: /^[\u0020-\u00FF]+$/ };
const pathCharacters: Pattern = {
  printed: '(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)',
  matches: /^(?:\/|\/[\u0021-\u007E]+\/)$/,
  reason: 'It must begin and end with / and contain only alphanumeric characters and/or / characters.',
};
const pathPrefixCharacters: Pattern = {
  printed: '\\u002F[\\u0021-\\u007F]*',
  matches: /^\/[\u0021-\u007F]*$/,
  reason: 'It must begin with the / character and contain only alphanumeric characters and/or / characters.',
};
/** No character of a step is a slash, so each text is cut in one way only and the time is linear. */
const policyPathCharacters: Pattern = {
  printed: '((/[A-Za-z0-9\\.,\\+@=_-]+)*)/',
  matches: /^(?:\/[A-Za-z0-9.,+@=_-]+)*\/$/,
};
const documentCharacters: Pattern = {
  printed: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+',
  matches: /^[\t\n\r\u0020-\u00FF]+$/,
  reason: 'It must contain only printable ASCII characters.',
};
const descriptionCharacters: Pattern = {
  printed: '[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*',
  matches: /^[\t\n\r\u0020-\u007E\u00A1-\u00FF]*$/,
};

export const userName = iamString({ min: 1, max: 64, pattern: nameCharacters });
/** Of users that exist: those made long ago may have longer names. */
export const existingUserName = iamString({ min: 1, max: 128, pattern: nameCharacters });
export const groupName = iamString({ min: 1, max: 128, pattern: nameCharacters });
export const roleName = iamString({ min: 1, max: 64, pattern: nameCharacters });
export const policyName = iamString({ min: 1, max: 128, pattern: nameCharacters });
export const accessKeyId = iamString({ min: 16, max: 128, pattern: wordCharacters });
export const arn = iamString({ min: 20, max: 2048 });
export const path = iamString({ min: 1, max: 512, pattern: pathCharacters });
export const pathPrefix = iamString({ min: 1, max: 512, pattern: pathPrefixCharacters });
export const policyPath = iamString({ min: 1, max: 512, pattern: policyPathCharacters });
export const policyDocument = iamString({ min: 1, max: 131072, pattern: documentCharacters });
export const roleDescription = iamString({ max: 1000, pattern: descriptionCharacters });
export const policyDescription = iamString({ max: 1000 });
export const maxSessionDuration = integer({ min: 3600, max: 43200 });
export const marker = iamString({ min: 1, max: 320, pattern: markerCharacters });
export const maxItems = integer({ min: 1, max: 1000 });

export const tagKeyLimits: StringLimits = {
  min: 1,
  max: 128,
  pattern: { printed: '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+', matches: /^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u },
};
export const tagValueLimits: StringLimits = {
  max: 256,
  pattern: { printed: '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*', matches: /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u },
};
export const tagKey = iamString(tagKeyLimits);
export const tagValue = iamString(tagValueLimits);
export const tags = list(structure<Tag>({ Key: required(tagKey), Value: required(tagValue) }), { max: 50 });
export const tagKeys = list(tagKey, { max: 50, nullNamed: true });
export const oidcProviderUrl = iamString({ min: 1, max: 255 });
export const clientId = iamString({ min: 1, max: 255 });
export const clientIds = list(clientId);
/** SHA-1 in hex. */
export const thumbprint = iamString({ min: 40, max: 40 });
export const thumbprints = list(thumbprint);
export const accountAlias = iamString({
  min: 3,
  max: 63,
  // A dash and what follows it can be read in one way only, so the time is linear.
  pattern: {
    printed: '^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$',
    matches: /^[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]$/,
  },
});
