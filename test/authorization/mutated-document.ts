// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.

import { HOME, KEY_ARN, OIDC_PROVIDER, user } from '../../src/authorization/fixtures.test-helper.ts';
import type { Dice } from '../support/dice.ts';

/** The text of a policy after a few mutations: of its structure, of the text itself, or of both. */
export function mutatedDocument(d: Dice, policy: object): string {
  const document = JSON.parse(JSON.stringify(policy));
  const ofStructure = d.chance(4) ? 2 : d.number(2);
  for (let i = 0; i < ofStructure; i++) mutateStructure(d, document);
  let text = JSON.stringify(document, undefined, d.chance(4) ? 1 : undefined);
  const ofText = ofStructure === 0 ? 1 : d.chance(6) ? 1 : 0;
  for (let i = 0; i < ofText; i++) text = mutateText(d, text);
  return text;
}

/** A place in the document: an object or a list, and what leads from it to a value. */
interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

const names = [
  'Version',
  'Id',
  'Statement',
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
  'AWS',
  'Service',
  'Federated',
  'CanonicalUser',
  'StringEquals',
  'StringNotLikeIfExists',
  'ForAnyValue:StringLike',
  'ForAllValues:NumericLessThan',
  'DateGreaterThan',
  'NotIpAddress',
  'ArnNotLike',
  'BinaryEquals',
  'Bool',
  'Null',
  'x:tag',
  'x:n',
  'aws:PrincipalArn',
  '__proto__',
  'constructor',
];
const texts = [
  '*',
  '?',
  '',
  '**',
  '2012-10-17',
  '2008-10-17',
  'Allow',
  'Deny',
  'allow',
  'kms:*',
  'KMS:ENCRYPT',
  'kms:',
  ':',
  'sts:*',
  '*:*',
  KEY_ARN,
  'arn:aws:kms:*',
  'arn:*:kms:*:*:key/*',
  'arn:aws:kms:::${x:name}',
  '${x:name}',
  '${',
  '${*}',
  "${x:none, 'a'}",
  HOME,
  `arn:aws:iam::${HOME}:root`,
  `arn:aws-cn:iam::${HOME}:root`,
  user('alice').arn,
  user('alice').id,
  OIDC_PROVIDER,
  's3.amazonaws.com',
  'true',
  '10.0.0.0/8',
  '::/0',
  '1',
  '1e3',
  '2026-01-01',
  'QQ==',
  '\u00ff',
];

function mutateStructure(d: Dice, document: Record<string, unknown>): void {
  const all = places(document);
  if (all.length === 0) return;
  const { holder, key } = d.pick(all);
  const value = holder[key];
  const remove = () => (Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key]);
  const add = (name: string, added: unknown) => {
    // As parsed JSON has it: an own property, whatever its name.
    if (Array.isArray(holder)) holder.push(added);
    else Object.defineProperty(holder, name, { value: added, enumerable: true, writable: true, configurable: true });
  };
  switch (d.number(12)) {
    case 0:
      remove();
      return;
    case 1:
      add(d.pick(names), d.pick(texts));
      return;
    case 2:
      add(d.pick(names), structuredClone(value));
      return;
    case 3:
      remove();
      add(d.pick(names), value);
      return;
    case 4:
      holder[key] = [value];
      return;
    case 5:
      holder[key] = Array.isArray(value) ? value[0] : d.pick([null, true, 7, 2.5, {}, [], [[]], { AWS: '*' }]);
      return;
    case 6:
      if (Array.isArray(value)) value.push(d.pick(texts), ...value.slice(0, 1));
      else holder[key] = [value, d.pick(texts)];
      return;
    default:
      holder[key] = typeof value === 'string' && d.chance(2) ? mutateText(d, value) : d.pick(texts);
      return;
  }
}

function places(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...places(holder[key])]);
}

const characters = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '*',
  '?',
  '$',
  "'",
  '/',
  ' ',
  '\n',
  'a',
  'N',
  '0',
  '\0',
  'é',
  '€',
];

function mutateText(d: Dice, text: string): string {
  const at = d.number(text.length + 1);
  const end = Math.min(text.length, at + 1 + d.number(12));
  switch (d.number(7)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + d.pick(characters) + text.slice(at);
    case 2:
      return text.slice(0, at) + d.pick(characters) + text.slice(at + 1);
    case 3:
      return text.slice(0, at) + text.slice(end);
    case 4:
      return text.slice(0, at) + text.slice(at, end) + text.slice(at);
    case 5:
      return text.slice(0, at) + d.pick([...names, ...texts]) + text.slice(at);
    default:
      return text.slice(0, at) + text.slice(at, end).toUpperCase() + text.slice(end);
  }
}
