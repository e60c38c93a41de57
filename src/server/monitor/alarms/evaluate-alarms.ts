import { setTimeout as pause, setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { AlarmRule, Datapoint } from '../../../monitoring/alarm-rule.ts';
import { evaluateAlarm, evaluationRangeStartMs, type Verdict } from '../../../monitoring/evaluate-alarm.ts';
import type { MetricDatum, MetricStore } from '../../../monitoring/metric.ts';
import { needsValues, statisticOf } from '../../../monitoring/statistics.ts';
import { type Clock, monotonicMs } from '../../../runtime/clock.ts';
import { KeyholdError } from '../../../runtime/errors.ts';
import type { Random } from '../../../runtime/random.ts';
import { alarmsTable } from '../../../services/cloudwatch/alarms/alarm-record.ts';
import { changeState } from '../../../services/cloudwatch/alarms/change-state.ts';
import type { Epoch } from '../../../store/change-feed.ts';
import type { Store } from '../../../store/sealed-store.ts';
import { AlarmsByMetric } from './alarms-by-metric.ts';
import { earlyBreach, isHeld, WarmAlarms } from './early-alarms.ts';
import { type WatchedAlarm, watchedAlarms } from './watched-alarms.ts';

/**
 * Evaluates alarms, as AWS does: each minute over the periods that ended with the last one, those of periods of some
 * seconds each ten seconds, and those that look back for more than a day each hour ("Alarm evaluation window", CloudWatch
 * user guide). New and changed alarms are evaluated at once. What there is to know is in the store and in the metrics: after
 * a restart everything is evaluated again, and a state that is no other is no change.
 */
export interface AlarmEvaluation {
  /** To be told of all that is recorded in the metrics. It is quick. */
  recorded(data: readonly MetricDatum[]): void;
  /** Resolves when what is under way is over. */
  stop(): Promise<void>;
}

export interface AlarmEvaluationOptions {
  readonly store: Store;
  readonly epoch: Epoch;
  readonly metrics: Pick<MetricStore, 'periods'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How much time the alarms of one account may take at each tick. */
  readonly turnMs?: number;
}

const TICK_MS = 1000;
/** While there is more to do than one tick could. */
const BEHIND_TICK_MS = 100;
const TURN_MS = 250;
/** What is observed in a period may come so long after its end, and still count at the first evaluation. */
const LATENESS_MS = 2000;
/** PutMetricData takes what is two hours ahead. */
const LONGEST_AHEAD_MS = 3 * 3_600_000;
/** Everything else in this thread has its turn after so many. */
const BATCH = 50;

const intervals = [10, 60, 3600] as const;
type IntervalSeconds = (typeof intervals)[number];

export function startAlarmEvaluation(options: AlarmEvaluationOptions): AlarmEvaluation {
  const { log } = options;
  const evaluator = alarmEvaluator(options);
  const stopped = new AbortController();

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      let isDone = true;
      try {
        isDone = await evaluator.tick();
      } catch (err) {
        log.error({ err }, 'alarms cannot be evaluated; it will be tried again');
      }
      await pause(isDone ? TICK_MS : BEHIND_TICK_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    recorded: evaluator.recorded,
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

/**
 * The same step by step, for tests: `tick` does what is due by the clock, and gives whether that was all.
 *
 * INVARIANT: however many alarms an account has, and however much each has to read, those of others wait for a moment at most.
 */
export function alarmEvaluator({
  store,
  epoch,
  metrics,
  clock,
  random,
  log,
  turnMs = TURN_MS,
}: AlarmEvaluationOptions) {
  const byMetric = new AlarmsByMetric();
  const warm = new WarmAlarms();
  /** Keys of alarms that there is nothing for: each evaluation would come to what the last one did, until there is. */
  const idle = new Set<string>();
  /** Keys of the alarms that are to be evaluated now. */
  const due = new Set<string>();
  /** Keys of those whose early look had to wait the last time. */
  let overdue: readonly string[] = [];
  const lastEndMs = new Map<IntervalSeconds, number>();
  const watched = watchedAlarms(store, epoch, log, onChange);

  function onChange(alarm: WatchedAlarm | undefined, before: WatchedAlarm | undefined): void {
    const isOther =
      alarm === undefined || alarm.record.configurationUpdatedAtMs !== before?.record.configurationUpdatedAtMs;
    if (before !== undefined) {
      byMetric.remove(before);
      warm.forget(before.key);
      idle.delete(before.key);
    }
    if (alarm === undefined) return;
    byMetric.add(alarm);
    // What was observed before it was known may raise it as well, and what else did before it was changed.
    warm.warm(alarm, clock.now());
    if (isOther) due.add(alarm.key);
  }

  function noteDue(nowMs: number): void {
    for (const interval of intervals) {
      const endMs = lastEnd(interval, nowMs);
      if (lastEndMs.get(interval) === endMs) continue;
      lastEndMs.set(interval, endMs);
      for (const { key, rule } of watched.all()) {
        if (intervalOf(rule) === interval && !idle.has(key)) due.add(key);
      }
    }
  }

  async function evaluate(alarm: WatchedAlarm, nowMs: number): Promise<void> {
    const endMs = lastEnd(intervalOf(alarm.rule), nowMs);
    const datapoints = datapointsOf(alarm, endMs);
    const verdict = evaluateAlarm(alarm.rule, datapoints, endMs, nowMs);
    if (verdict === undefined || verdict.state === alarm.record.state.value) {
      if (datapoints.length === 0 && nothingComes(alarm, endMs)) idle.add(alarm.key);
      return;
    }
    if (!isHeld(alarm, endMs, nowMs)) await commit(alarm, verdict, nowMs);
  }

  /** Whether nothing was recorded whose time is still to come, or of the period that is not over. */
  function nothingComes({ metric }: WatchedAlarm, endMs: number): boolean {
    const ahead = { fromMs: endMs, toMs: endMs + LONGEST_AHEAD_MS, periodSeconds: LONGEST_AHEAD_MS / 1000 };
    return metrics.periods({ metric, ...ahead, summariesOnly: true }).length === 0;
  }

  function datapointsOf({ rule, metric }: WatchedAlarm, endMs: number): Datapoint[] {
    const { statistic, unit, periodSeconds } = rule;
    const range = { fromMs: evaluationRangeStartMs(rule, endMs), toMs: endMs, periodSeconds };
    const query = { metric, ...(unit === undefined ? {} : { unit }), ...range, summariesOnly: !needsValues(statistic) };
    return metrics.periods(query).flatMap((period) => {
      const value = statisticOf(period, statistic);
      return value === undefined ? [] : [{ startMs: period.startMs, sampleCount: period.sampleCount, value }];
    });
  }

  async function lookEarly(alarm: WatchedAlarm, nowMs: number): Promise<void> {
    if (alarm.record.state.value === 'ALARM') return;
    const breach = earlyBreach(alarm, metrics, nowMs);
    if (breach === undefined) return;
    const { endMs } = breach;
    const verdict = evaluateAlarm({ ...alarm.rule, evaluationPeriods: 1 }, [breach], endMs, nowMs);
    if (verdict !== undefined) await commit(alarm, verdict, nowMs, endMs);
  }

  /** If the alarm is still the one that was evaluated; otherwise it is evaluated anew. */
  async function commit(alarm: WatchedAlarm, verdict: Verdict, nowMs: number, raisedEarlyAtMs?: number): Promise<void> {
    const { key, version, record } = alarm;
    const { reason, reasonData, state: value } = verdict;
    const isDone = await store.transact(async (transaction) => {
      const stored = await transaction.get(alarmsTable, key);
      if (stored?.version !== version) return false;
      await changeState(transaction, stored, { value, reason, reasonData, raisedEarlyAtMs }, nowMs, random);
      return true;
    });
    await watched.reload(key);
    if (isDone) log.info({ alarm: key, from: record.state.value, to: value, reason }, 'an alarm changed its state');
    else if (watched.get(key) !== undefined) due.add(key);
  }

  /**
   * What is the matter with one alarm keeps no other from its turn; what is with the store does.
   *
   * @returns the keys of those whose account has had its time
   */
  async function each(
    keys: Iterable<string>,
    work: (alarm: WatchedAlarm) => Promise<void>,
  ): Promise<readonly string[]> {
    const spentMs = new Map<string, number>();
    const left: string[] = [];
    let index = 0;
    for (const key of keys) {
      if (++index % BATCH === 0) await setImmediate();
      const alarm = watched.get(key);
      if (alarm === undefined) continue;
      const { accountId } = alarm.record;
      const spent = spentMs.get(accountId) ?? 0;
      if (spent > turnMs) {
        left.push(key);
        continue;
      }
      const begunMs = monotonicMs();
      try {
        await work(alarm);
      } catch (err) {
        if (err instanceof KeyholdError && err.code === 'StoreUnavailable') throw err;
        log.error({ err, alarm: key }, 'an alarm cannot be evaluated; it will be tried again with the next period');
      }
      spentMs.set(accountId, spent + monotonicMs() - begunMs);
    }
    return left;
  }

  return {
    recorded(data: readonly MetricDatum[]): void {
      for (const { metric, timeMs } of data) {
        for (const alarm of byMetric.of(metric)) {
          idle.delete(alarm.key);
          warm.warm(alarm, timeMs);
        }
      }
    },
    async tick(): Promise<boolean> {
      await watched.refresh();
      const nowMs = clock.now();
      noteDue(nowMs);
      const keys = [...due];
      due.clear();
      try {
        for (const key of await each(keys, (alarm) => evaluate(alarm, nowMs))) due.add(key);
        overdue = await each(new Set([...overdue, ...warm.keys(nowMs)]), (alarm) => lookEarly(alarm, nowMs));
        return due.size === 0 && overdue.length === 0;
      } catch (error) {
        // Which of them were evaluated does not matter: a second time they are in the state that they should be in.
        for (const key of keys) due.add(key);
        throw error;
      }
    },
  };
}

function intervalOf({ periodSeconds, evaluationPeriods }: AlarmRule): IntervalSeconds {
  if (periodSeconds * evaluationPeriods > 86_400) return 3600;
  return periodSeconds < 60 ? 10 : 60;
}

/** Where the last period ends of an evaluation at that time. */
function lastEnd(interval: IntervalSeconds, nowMs: number): number {
  const settledMs = nowMs - LATENESS_MS;
  return settledMs - (settledMs % (interval * 1000));
}
