import type { Tag } from '@aws-sdk/client-iam';
import { integer, list, type Pattern, required, string, structure } from './shapes.ts';

/**
 * The members that many operations of IAM and STS share, with the constraints of their published service descriptions
 * (`botocore-drift.test.ts` compares them).
 */

const nameCharacters: Pattern = { printed: '[\\w+=,.@-]+', matches: /^[\w+=,.@-]+$/ };
const wordCharacters: Pattern = { printed: '[\\w]+', matches: /^[\w]+$/ };
const markerCharacters: Pattern = { printed: '[\\u0020-\\u00FF]+', matches: /^[\u0020-\u00FF]+$/ };
const pathCharacters: Pattern = {
  printed: '(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)',
  matches: /^(?:\/|\/[\u0021-\u007E]+\/)$/,
};
const pathPrefixCharacters: Pattern = { printed: '\\u002F[\\u0021-\\u007F]*', matches: /^\/[\u0021-\u007F]*$/ };
/** No character of a step is a slash, so each text is cut in one way only and the time is linear. */
const policyPathCharacters: Pattern = {
  printed: '((/[A-Za-z0-9\\.,\\+@=_-]+)*)/',
  matches: /^(?:\/[A-Za-z0-9.,+@=_-]+)*\/$/,
};
const documentCharacters: Pattern = {
  printed: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+',
  matches: /^[\t\n\r\u0020-\u00FF]+$/,
};
const descriptionCharacters: Pattern = {
  printed: '[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*',
  matches: /^[\t\n\r\u0020-\u007E\u00A1-\u00FF]*$/,
};
const tagCharacters = (printed: string, matches: RegExp): Pattern => ({ printed, matches });

export const userName = string({ min: 1, max: 64, pattern: nameCharacters });
/** Of users that exist: those made long ago may have longer names. */
export const existingUserName = string({ min: 1, max: 128, pattern: nameCharacters });
export const groupName = string({ min: 1, max: 128, pattern: nameCharacters });
export const roleName = string({ min: 1, max: 64, pattern: nameCharacters });
export const policyName = string({ min: 1, max: 128, pattern: nameCharacters });
export const accessKeyId = string({ min: 16, max: 128, pattern: wordCharacters });
export const arn = string({ min: 20, max: 2048 });
export const path = string({ min: 1, max: 512, pattern: pathCharacters });
export const pathPrefix = string({ min: 1, max: 512, pattern: pathPrefixCharacters });
export const policyPath = string({ min: 1, max: 512, pattern: policyPathCharacters });
export const policyDocument = string({ min: 1, max: 131072, pattern: documentCharacters });
export const roleDescription = string({ max: 1000, pattern: descriptionCharacters });
export const policyDescription = string({ max: 1000 });
export const maxSessionDuration = integer({ min: 3600, max: 43200 });
export const marker = string({ min: 1, max: 320, pattern: markerCharacters });
export const maxItems = integer({ min: 1, max: 1000 });

export const tagKey = string({
  min: 1,
  max: 128,
  pattern: tagCharacters('[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+', /^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u),
});
export const tagValue = string({
  max: 256,
  pattern: tagCharacters('[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*', /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u),
});
export const tags = list(structure<Tag>({ Key: required(tagKey), Value: required(tagValue) }), { max: 50 });
export const tagKeys = list(tagKey, { max: 50 });
