import { describe, expect, it } from 'vitest';
import { findParameters, formAsJson, parseForm } from './aws-query.ts';
import type { ShapeDescription } from './shape.ts';

const form = (text: string) => Buffer.from(text);
const malformed = { code: 'MalformedQueryStringException' };

const tags: ShapeDescription = {
  type: 'structure',
  members: {
    Name: { type: 'string' },
    Tags: {
      type: 'list',
      member: { type: 'structure', members: { Key: { type: 'string' }, Value: { type: 'string' } } },
    },
  },
};

describe('a form', () => {
  it('is read by its names, as a client of AWS JSON would have sent it', () => {
    const text = 'Action=X&Name=a%26b+c&&Tags.member.2.Key=k2&Tags.member.1.Key=k1&Tags.member.1.Value=v=1&Other=1';
    expect(formAsJson(parseForm(form(text)), tags)).toEqual({
      Name: 'a&b c',
      Tags: [{ Key: 'k1', Value: 'v=1' }, { Key: 'k2' }],
    });
  });

  it('that says one thing twice, in whatever spelling, is refused: two readers might believe different values', () => {
    for (const text of [
      'Name=a&Name=b',
      'Name=a&%4eame=b',
      'Name&Name=b',
      'Tags.member.1.Key=a&Tags%2emember.1.Key=b',
    ]) {
      expect(() => parseForm(form(text)), text).toThrow(expect.objectContaining(malformed));
    }
    for (const text of ['Action=a&Action=b', 'Action=a&%41ction=b', 'Action&Action=b']) {
      expect(() => findParameters(form(text), 'Action'), text).toThrow(expect.objectContaining(malformed));
    }
  });

  it('is refused where it is no text, has too many parameters, empty ones included, or too deep names', () => {
    for (const bytes of [
      Buffer.from([0x41, 0xff]),
      form('Name=%ff'),
      form('Name=%'),
      form('&'.repeat(10_001)),
      form('a&'.repeat(10_001)),
      form(`${'a.'.repeat(8)}a=1`),
    ]) {
      expect(() => parseForm(bytes)).toThrow(expect.objectContaining(malformed));
    }
    expect(() => findParameters(form('&'.repeat(10_001)), 'Action')).toThrow(expect.objectContaining(malformed));
  });
});

it('what a form asks for is found without what else it holds: anyone can send a form, and it is not signed yet', () => {
  const deep = `${'a.'.repeat(100)}a=1&Name=a&Name=b&Name=%ff&Version=2&Action=GetUser`;
  expect(findParameters(form(deep), 'Action', 'Version')).toEqual(['GetUser', '2']);
  expect(findParameters(form('Action.x=1&Actions=2'), 'Action', 'Version')).toEqual([undefined, undefined]);
});
