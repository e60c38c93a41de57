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

const metrics: ShapeDescription = {
  type: 'structure',
  members: {
    MetricData: {
      type: 'list',
      member: {
        type: 'structure',
        members: {
          MetricName: { type: 'string' },
          Dimensions: {
            type: 'list',
            member: { type: 'structure', members: { Name: { type: 'string' }, Value: { type: 'string' } } },
          },
          Timestamp: { type: 'timestamp' },
          Value: { type: 'double' },
          Values: { type: 'list', member: { type: 'double' } },
          StatisticValues: { type: 'structure', members: { Sum: { type: 'double' }, SampleCount: { type: 'double' } } },
        },
      },
    },
  },
};

describe('a form', () => {
  it('of metrics has structures in lists in structures, numbers with fractions and moments', () => {
    const text = [
      'MetricData.member.1.MetricName=Latency',
      'MetricData.member.1.Dimensions.member.1.Name=Queue',
      'MetricData.member.1.Dimensions.member.1.Value=in',
      'MetricData.member.1.Timestamp=2026-11-22T10%3A00%3A00.250Z',
      'MetricData.member.1.StatisticValues.Sum=-1.5e3',
      'MetricData.member.1.StatisticValues.SampleCount=3',
      'MetricData.member.2.Value=NaN',
      'MetricData.member.2.Dimensions=',
      'MetricData.member.2.Values.member.1=.5',
      'MetricData.member.2.Values.member.2=0x10',
    ].join('&');
    expect(formAsJson(parseForm(form(text)), metrics)).toEqual({
      MetricData: [
        {
          MetricName: 'Latency',
          Dimensions: [{ Name: 'Queue', Value: 'in' }],
          Timestamp: Date.UTC(2026, 10, 22, 10) / 1000 + 0.25,
          StatisticValues: { Sum: -1500, SampleCount: 3 },
        },
        { Value: 'NaN', Dimensions: [], Values: [0.5, '0x10'] },
      ],
    });
  });

  it('is read by its names, as a client of AWS JSON would have sent it', () => {
    const text = 'Action=X&Name=a%26b+c&&Tags.member.2.Key=k2&Tags.member.1.Key=k1&Tags.member.1.Value=v=1&Other=1';
    expect(formAsJson(parseForm(form(text)), tags)).toEqual({
      Name: 'a&b c',
      Tags: [{ Key: 'k1', Value: 'v=1' }, { Key: 'k2' }],
    });
  });

  it('may have as many metrics as PutMetricData takes', () => {
    const names = Array.from({ length: 1000 }, (_, n) => [
      `MetricData.member.${n + 1}.MetricName=m`,
      ...[1, 2, 3, 4, 5, 6].flatMap((d) => [
        `MetricData.member.${n + 1}.Dimensions.member.${d}.Name=d`,
        `MetricData.member.${n + 1}.Dimensions.member.${d}.Value=v`,
      ]),
      ...[1, 2, 3, 4, 5].map((v) => `MetricData.member.${n + 1}.Values.member.${v}=1`),
    ]).flat();
    const { MetricData } = formAsJson(parseForm(form(names.join('&'))), metrics) as { MetricData: object[] };
    expect(MetricData).toHaveLength(1000);
    expect(MetricData[999]).toMatchObject({ MetricName: 'm', Values: [1, 1, 1, 1, 1] });
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
      form('&'.repeat(25_001)),
      form('a&'.repeat(25_001)),
      form(`${'a.'.repeat(10)}a=1`),
      form(Array.from({ length: 10_001 }, (_, n) => `a${n}.b.c.d.e.f.g.h.i.j=`).join('&')),
    ]) {
      expect(() => parseForm(bytes)).toThrow(expect.objectContaining(malformed));
    }
    expect(() => findParameters(form('&'.repeat(25_001)), 'Action')).toThrow(expect.objectContaining(malformed));
  });
});

it('what a form asks for is found without what else it holds: anyone can send a form, and it is not signed yet', () => {
  const deep = `${'a.'.repeat(100)}a=1&Name=a&Name=b&Name=%ff&Version=2&Action=GetUser`;
  expect(findParameters(form(deep), 'Action', 'Version')).toEqual(['GetUser', '2']);
  expect(findParameters(form('Action.x=1&Actions=2'), 'Action', 'Version')).toEqual([undefined, undefined]);
});

it('of a form of somebody who is not known yet, no more is read than what names the operation', () => {
  const form = Buffer.from(`${'%zz'.repeat(10)}=1&%41ction=List%41ll&Version=2&x=%zz`);
  expect(findParameters(form, 'Action', 'Version')).toEqual(['ListAll', '2']);
  expect(() => parseForm(form)).toThrow('syntax error');
});
