import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AlarmRule, breaches, comparisons, type Datapoint, missingDataTreatments } from './alarm-rule.ts';
import { evaluateAlarm, evaluationRangeStartMs } from './evaluate-alarm.ts';

const END = Date.UTC(2026, 10, 26, 17, 1);
const NOW = END + 2125;
const MINUTE = 60_000;

const rule: AlarmRule = {
  statistic: 'Sum',
  periodSeconds: 60,
  evaluationPeriods: 3,
  threshold: 3,
  comparison: 'GreaterThanOrEqualToThreshold',
};

/** Datapoints as AWS's tables draw them, the most recent on the right: `0` is within the threshold, `X` beyond it. */
function drawn(picture: string, { periodSeconds } = rule): Datapoint[] {
  return [...picture.replaceAll(' ', '')].reverse().flatMap((mark, age) => {
    const startMs = END - (age + 1) * periodSeconds * 1000;
    return mark === '-' ? [] : [{ startMs, sampleCount: 1, value: mark === 'X' ? 4 : 1 }];
  });
}

function stateOf(more: Partial<AlarmRule>, picture: string): string {
  return evaluateAlarm({ ...rule, ...more }, drawn(picture), END, NOW)?.state ?? 'retained';
}

const KEEP = 'retained';
const UNKNOWN = 'INSUFFICIENT_DATA';

describe('the tables of "Configuring how CloudWatch alarms treat missing data"', () => {
  const treatments = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;

  test.each([
    ['0 - X - X', 'OK', 'OK', 'OK', 'OK'],
    ['0 - - - -', 'OK', 'OK', 'OK', 'OK'],
    ['- - - - -', UNKNOWN, KEEP, 'ALARM', 'OK'],
    ['0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['- - X - -', 'ALARM', KEEP, 'ALARM', 'OK'],
    // From its text, and older editions of it.
    ['- - - - X', UNKNOWN, KEEP, 'ALARM', 'OK'],
    ['- - - X -', UNKNOWN, KEEP, 'ALARM', 'OK'],
    ['X - - - -', 'ALARM', KEEP, 'ALARM', 'OK'],
    ['- - - X 0', 'OK', 'OK', 'OK', 'OK'],
  ])('3 out of 3: %s', (picture, ...expected) => {
    const states = treatments.map((missingData) => stateOf({ missingData, datapointsToAlarm: 3 }, picture));
    expect(states).toEqual(expected);
  });

  test.each([
    ['0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 - X - -', 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - - 0', 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - X -', 'ALARM', KEEP, 'ALARM', 'OK'],
    ['- - - - X', UNKNOWN, KEEP, 'ALARM', 'OK'],
  ])('2 out of 3: %s', (picture, ...expected) => {
    const states = treatments.map((missingData) => stateOf({ missingData, datapointsToAlarm: 2 }, picture));
    expect(states).toEqual(expected);
  });
});

test('missing data are treated as missing, and all datapoints must breach, unless told otherwise', () => {
  expect(stateOf({}, '- - - - -')).toBe(UNKNOWN);
  expect(stateOf({}, '0 0 X X X')).toBe('ALARM');
  expect(stateOf({}, 'X X 0 X X')).toBe('OK');
});

test('with one period, the last datapoint counts for two periods more', () => {
  expect(['- - X', '- X -', 'X - -'].map((picture) => stateOf({ evaluationPeriods: 1 }, picture))).toEqual([
    'ALARM',
    'ALARM',
    'ALARM',
  ]);
  expect(stateOf({ evaluationPeriods: 1 }, 'X - - -')).toBe(UNKNOWN);
});

test('the state is kept while a percentile has too few samples, if the alarm says so', () => {
  const percentile = { statistic: 'p90', evaluationPeriods: 1, ignoresFewSamples: true };
  const of = (sampleCount: number) => [{ startMs: END - MINUTE, sampleCount, value: 4 }];
  const state = (more: Partial<AlarmRule>, samples: number) =>
    evaluateAlarm({ ...rule, ...percentile, ...more }, of(samples), END, NOW)?.state;
  expect([state({}, 99), state({}, 100)]).toEqual([undefined, 'ALARM']);
  expect(state({ ignoresFewSamples: false }, 1)).toBe('ALARM');
  expect([state({ statistic: 'p10' }, 99), state({ statistic: 'p10' }, 100)]).toEqual([undefined, 'ALARM']);
  expect(state({ statistic: 'Sum' }, 1)).toBe('ALARM');
});

describe('reasons', () => {
  const reason = (more: Partial<AlarmRule>, picture: string) =>
    evaluateAlarm({ ...rule, ...more }, drawn(picture), END, NOW)?.reason;

  test('of M out of N name both, and the least that the transition takes', () => {
    expect(reason({ evaluationPeriods: 1, datapointsToAlarm: 1 }, 'X')).toBe(
      'Threshold Crossed: 1 out of the last 1 datapoints [4.0 (26/11/26 17:00:00)] was greater than or equal to the ' +
        'threshold (3.0) (minimum 1 datapoint for OK -> ALARM transition).',
    );
    expect(reason({ datapointsToAlarm: 2 }, '0 0 X')).toBe(
      'Threshold Crossed: 2 out of the last 3 datapoints [1.0 (26/11/26 16:59:00), 1.0 (26/11/26 16:58:00)] were not ' +
        'greater than or equal to the threshold (3.0) (minimum 2 datapoints for ALARM -> OK transition).',
    );
    expect(reason({ datapointsToAlarm: 1, evaluationPeriods: 20, missingData: 'notBreaching' }, 'X')).toBe(
      'Threshold Crossed: 1 out of the last 20 datapoints [4.0 (26/11/26 17:00:00)] was greater than or equal to the ' +
        'threshold (3.0) and 19 missing datapoints were treated as [NonBreaching] (minimum 1 datapoint for OK -> ALARM ' +
        'transition).',
    );
  });

  test('of others only the datapoints', () => {
    expect(reason({ evaluationPeriods: 1 }, 'X')).toBe(
      'Threshold Crossed: 1 datapoint [4.0 (26/11/26 17:00:00)] was greater than or equal to the threshold (3.0).',
    );
    expect(
      reason({ evaluationPeriods: 2, comparison: 'LessThanThreshold', threshold: 1, missingData: 'breaching' }, '0'),
    ).toBe(
      'Threshold Crossed: 1 datapoint [1.0 (26/11/26 17:00:00)] was not less than the threshold (1.0) and 1 missing ' +
        'datapoint was treated as [Breaching].',
    );
    expect(reason({ evaluationPeriods: 6, comparison: 'GreaterThanThreshold' }, 'XXXXXX')).toBe(
      'Threshold Crossed: 6 datapoints were greater than the threshold (3.0). The most recent datapoints which crossed the ' +
        'threshold: [4.0 (26/11/26 17:00:00), 4.0 (26/11/26 16:59:00), 4.0 (26/11/26 16:58:00), 4.0 (26/11/26 16:57:00), ' +
        '4.0 (26/11/26 16:56:00)].',
    );
  });

  test('where there is nothing say so', () => {
    expect(reason({ evaluationPeriods: 1, missingData: 'notBreaching' }, '---')).toBe(
      'Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].',
    );
    expect(reason({ evaluationPeriods: 2, missingData: 'breaching', datapointsToAlarm: 2 }, '---')).toBe(
      'Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching].',
    );
    expect(reason({ evaluationPeriods: 1 }, '---')).toBe('Insufficient Data: 1 datapoint was unknown.');
    expect(reason({ evaluationPeriods: 5 }, '---')).toBe('Insufficient Data: 5 datapoints were unknown.');
  });
});

test('reason data are what AWS writes, to the fraction of each number', () => {
  const one = evaluateAlarm({ ...rule, evaluationPeriods: 2, unit: 'Count' }, drawn('0 X'), END, NOW);
  expect(one?.reasonData).toBe(
    '{"version":"1.0","queryDate":"2026-11-26T17:01:02.125+0000","startDate":"2026-11-26T16:59:00.000+0000","unit":"Count",' +
      '"statistic":"Sum","period":60,"recentDatapoints":[1.0,4.0],"threshold":3.0,"evaluatedDatapoints":[' +
      '{"timestamp":"2026-11-26T17:00:00.000+0000","sampleCount":1.0,"value":4.0},' +
      '{"timestamp":"2026-11-26T16:59:00.000+0000","sampleCount":1.0,"value":1.0}]}',
  );
  const none = evaluateAlarm({ ...rule, evaluationPeriods: 2 }, [], END, NOW);
  expect(none?.reasonData).toBe(
    '{"version":"1.0","queryDate":"2026-11-26T17:01:02.125+0000","statistic":"Sum","period":60,"recentDatapoints":[],' +
      '"threshold":3.0,"evaluatedDatapoints":[{"timestamp":"2026-11-26T17:00:00.000+0000"},' +
      '{"timestamp":"2026-11-26T16:59:00.000+0000"}]}',
  );
});

describe('whatever the rule and the data', () => {
  const rules = fc
    .record({
      evaluationPeriods: fc.integer({ min: 1, max: 40 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      threshold: fc.double({ min: -1e12, max: 1e12, noNaN: true }),
      comparison: fc.constantFrom(...comparisons),
      missingData: fc.option(fc.constantFrom(...missingDataTreatments), { nil: undefined }),
    })
    .map(
      ({ part, missingData, ...rest }): AlarmRule => ({
        ...rule,
        ...rest,
        datapointsToAlarm: Math.max(1, Math.round(part * rest.evaluationPeriods)),
        ...(missingData === undefined ? {} : { missingData }),
      }),
    );
  const values = fc.array(fc.option(fc.double({ min: -1e12, max: 1e12, noNaN: true }), { freq: 2 }), { maxLength: 60 });
  const datapointsOf = (given: readonly (number | null)[]) =>
    given.flatMap((value, age) =>
      value === null ? [] : [{ startMs: END - (age + 1) * MINUTE, sampleCount: 1, value }],
    );

  test('ALARM has as many datapoints behind it as it takes, real, made up or old', () => {
    fc.assert(
      fc.property(rules, values, (given, series) => {
        const datapoints = datapointsOf(series);
        const verdict = evaluateAlarm(given, datapoints, END, NOW);
        const range = datapoints.filter(({ startMs }) => startMs >= evaluationRangeStartMs(given, END));
        const real = range.slice(0, given.evaluationPeriods);
        const breaching = real.filter(({ value }) => breaches(given, value)).length;
        const needed = given.datapointsToAlarm ?? 0;
        if (breaching >= needed) expect(verdict?.state).toBe('ALARM');
        else if (real.length === given.evaluationPeriods || given.missingData === 'notBreaching') {
          expect(verdict?.state).toBe('OK');
        }
        // What does not breach is never the only thing that there is behind an alarm.
        if (verdict?.state === 'ALARM' && given.missingData !== 'breaching') expect(breaching).toBeGreaterThan(0);
        if (verdict?.state === 'INSUFFICIENT_DATA') expect(breaching).toBe(real.length);
      }),
    );
  });

  test('what is outside of the range, and the order of the rest, does not matter; texts stay within their limits', () => {
    fc.assert(
      fc.property(rules, values, (given, series) => {
        const datapoints = datapointsOf(series);
        const verdict = evaluateAlarm(given, datapoints, END, NOW);
        const more = [{ startMs: END, sampleCount: 1, value: 1e15 }];
        more.push({ startMs: evaluationRangeStartMs(given, END) - MINUTE, sampleCount: 1, value: -1e15 });
        expect(evaluateAlarm(given, [...more, ...datapoints.toReversed()], END, NOW)).toEqual(verdict);
        expect((verdict?.reason ?? '').length).toBeLessThanOrEqual(1023);
        expect((verdict?.reasonData ?? '').length).toBeLessThanOrEqual(4000);
        if (verdict !== undefined) JSON.parse(verdict.reasonData);
      }),
    );
  });
});
