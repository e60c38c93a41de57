import { type NotificationOutcome, type ReceiverKind, seriesOf } from '../metrics/catalogue.ts';
import { cellsOf, type MetricsMemory } from '../metrics/memory.ts';

/** What is counted of notifications. All of it is quick, and does not throw. */
export interface NotifierFigures {
  count(receiver: ReceiverKind | 'none', outcome: NotificationOutcome): void;
  waiting(count: number): void;
}

export function notifierFigures(memory: MetricsMemory, section: number): NotifierFigures {
  const outcomes = cellsOf(memory, section, 'notifications');
  const waiting = cellsOf(memory, section, 'notificationsWaiting');
  return {
    count: (receiver, outcome) => outcomes.add(seriesOf.notification(receiver, outcome), 1),
    waiting: (count) => waiting.set(0, count),
  };
}
