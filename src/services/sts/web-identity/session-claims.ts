import type { Tag as RequestTag } from '@aws-sdk/client-sts';
import { structure } from '../../../wire/shapes.ts';
import { tagKeys, tags } from '../../../wire/sts-shapes.ts';
import { malformedTags, unusableClaim } from './refusals.ts';
import { type Claims, claim } from './token-claims.ts';

/**
 * What a provider wants the session to carry: "Passing session tags using AssumeRoleWithWebIdentity" and "Using source
 * identity with AssumeRoleWithWebIdentity" (IAM user guide). Whether the role lets it is the trust policy's to say.
 */
export interface SessionClaims {
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
  readonly transitiveTagKeys: readonly string[];
  readonly sourceIdentity?: string;
}

const TAGS = 'https://aws.amazon.com/tags';
const SOURCE_IDENTITY = 'https://aws.amazon.com/source_identity';

/** AWS's constraint on the member SourceIdentity. */
const sourceIdentityForm = /^[\w+=,.@-]{2,64}$/;

/**
 * @throws KeyholdError InvalidIdentityTokenException if one of these claims is there and is not of AWS's form,
 *   ValidationException if a tag is not one that a request could have
 */
export function sessionClaims(claims: Claims): SessionClaims {
  const nested = objectOrNone(claim(claims, TAGS));
  const sourceIdentity = claim(claims, SOURCE_IDENTITY);
  if (sourceIdentity !== undefined && !isSourceIdentity(sourceIdentity)) throw unusableClaim(SOURCE_IDENTITY);
  const session = {
    tags: [...nestedTags(nested), ...flatTags(claims)],
    transitiveTagKeys: [
      ...textsOrNone(claim(nested, 'transitive_tag_keys')),
      ...textsOrNone(claim(claims, `${TAGS}/transitive_tag_keys`)),
    ],
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
  };
  tagMembers.parse({ Tags: session.tags, TransitiveTagKeys: session.transitiveTagKeys });
  return session;
}

/** The constraints of tags that come as members of a request. */
const tagMembers = structure<{ Tags?: RequestTag[]; TransitiveTagKeys?: string[] }>({
  Tags: tags,
  TransitiveTagKeys: tagKeys,
});

/** `{"principal_tags": {"Project": ["Automation"]}}`: "You must pass a single value for each session tag." */
function nestedTags(nested: Claims): SessionClaims['tags'] {
  return Object.entries(objectOrNone(claim(nested, 'principal_tags'))).map(([Key, values]) => {
    const [Value, another] = textsOrNone(values);
    if (Value === undefined || another !== undefined) throw malformedTags();
    return { Key, Value };
  });
}

const FLAT_TAG = `${TAGS}/principal_tags/`;

/** For providers whose claims cannot be objects, AWS reads each tag from a claim of its own, too. */
function flatTags(claims: Claims): SessionClaims['tags'] {
  return Object.entries(claims)
    .filter(([name]) => name.startsWith(FLAT_TAG))
    .map(([name, Value]) => {
      if (typeof Value !== 'string') throw malformedTags();
      return { Key: name.slice(FLAT_TAG.length), Value };
    });
}

function textsOrNone(value: unknown = []): readonly string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw malformedTags();
  return value;
}

function objectOrNone(value: unknown = {}): Claims {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformedTags();
  return value as Claims;
}

function isSourceIdentity(value: unknown): value is string {
  return typeof value === 'string' && sourceIdentityForm.test(value);
}
