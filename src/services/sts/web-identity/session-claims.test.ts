import { expect, it } from 'vitest';
import { sessionClaims } from './session-claims.ts';

const tags = 'https://aws.amazon.com/tags';

it('a token without such claims asks for nothing', () => {
  expect(sessionClaims({ sub: 'someone' })).toEqual({ tags: [], transitiveTagKeys: [] });
});

it('tags come nested, as in AWS’s example, or each as a claim of its own', () => {
  const expected = {
    tags: [
      { Key: 'Project', Value: 'Automation' },
      { Key: 'CostCenter', Value: '987654' },
    ],
    transitiveTagKeys: ['Project'],
  };
  expect(
    sessionClaims({
      [tags]: {
        principal_tags: { Project: ['Automation'], CostCenter: ['987654'] },
        transitive_tag_keys: ['Project'],
      },
    }),
  ).toEqual(expected);
  expect(
    sessionClaims({
      [`${tags}/principal_tags/Project`]: 'Automation',
      [`${tags}/principal_tags/CostCenter`]: '987654',
      [`${tags}/transitive_tag_keys`]: ['Project'],
    }),
  ).toEqual(expected);
});

it('tags in another form are a refusal, and not left out', () => {
  for (const claim of [
    null,
    'text',
    [],
    { principal_tags: [] },
    { principal_tags: null },
    { principal_tags: { Project: 'Automation' } },
    { principal_tags: { Project: [] } },
    { principal_tags: { Project: ['one', 'two'] } },
    { principal_tags: { Project: [7] } },
    { transitive_tag_keys: 'Project' },
    { transitive_tag_keys: [7] },
  ]) {
    expect(() => sessionClaims({ [tags]: claim }), JSON.stringify(claim)).toThrow(
      expect.objectContaining({
        code: 'InvalidIdentityTokenException',
        message: 'Session tags passed in claim are not in correct format.',
      }),
    );
  }
  expect(() => sessionClaims({ [`${tags}/principal_tags/Project`]: ['Automation'] })).toThrow();
});

it('tags are within the limits of those that requests pass', () => {
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`key${at}`, ['value']]));
  for (const principal_tags of [
    many,
    { '': ['v'] },
    { ['k'.repeat(129)]: ['v'] },
    { k: ['v'.repeat(257)] },
    { k: ['#'] },
  ]) {
    expect(() => sessionClaims({ [tags]: { principal_tags } })).toThrow(
      expect.objectContaining({ code: 'ValidationException' }),
    );
  }
});

it('a source identity has AWS’s form', () => {
  const source = (value: unknown) => sessionClaims({ 'https://aws.amazon.com/source_identity': value }).sourceIdentity;
  expect(source('Admin')).toBe('Admin');
  expect(source('a+b=c,d.e@f-g_1')).toBe('a+b=c,d.e@f-g_1');
  for (const value of ['a', 'a b', 'é'.repeat(3), 'a'.repeat(65), 'Admin\n', 7, null, ['Admin']]) {
    expect(() => source(value), JSON.stringify(value)).toThrow(
      expect.objectContaining({ code: 'InvalidIdentityTokenException' }),
    );
  }
});
