import type { Logger } from 'pino';
import { BEGINNING, endOfStream, type StreamPosition } from '../../audit/follow-stream.ts';
import type { AuditRecord } from '../../audit/record.ts';
import { streamsOf } from '../../audit/stream-files.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type NotificationRecord, notificationsTable } from '../../services/cloudwatch/notifications.ts';
import { type Store, table } from '../../store/sealed-store.ts';
import type { RecordConsumer } from '../monitor/record-consumer.ts';
import { GIVE_UP_MS } from './notifier.ts';

/** Behind which line of each audit stream no event is in the outbox yet. The key is the stream's name. */
export const eventPositionsTable = table<StreamPosition>('event-positions');

/** Positions are kept so often even while there is no event, so that a start has little to read again. */
const KEEP_POSITIONS_MS = 60_000;

/** What KMS tells EventBridge of, by the event in its audit trail ("Monitor KMS keys with Amazon EventBridge", AWS KMS guide). */
const detailTypes: ReadonlyMap<string, string> = new Map([
  ['RotateKey', 'KMS CMK Rotation'],
  ['DeleteKey', 'KMS CMK Deletion'],
  ['DeleteExpiredKeyMaterial', 'KMS Imported Key Material Expiration'],
]);

/**
 * Makes EventBridge's events of audit records and puts them into the outbox, with the position up to which it has done so in
 * the same transaction: an event is there once, whatever ends the process when. It begins with what is recorded from its first
 * start on; events that are older than what would be given up are passed over.
 *
 * @param directory of the audit trail
 */
export async function keyEvents(store: Store, directory: string, clock: Clock, log: Logger): Promise<RecordConsumer> {
  const positions = await beginning(store, directory);
  let made: NotificationRecord[] = [];
  let nextKeepMs = 0;

  return {
    name: 'key events',
    // A stream that was not there at the start is all new.
    position: (stream) => positions.get(stream) ?? BEGINNING,
    take({ stream, sequence, segment, offset, length, record }) {
      const event = eventOf(record);
      if (event !== undefined && event.createdAtMs > clock.now() - GIVE_UP_MS) made.push(event);
      positions.set(stream, { sequence, segment, offset: offset + length + 1 });
    },
    async flush() {
      const nowMs = performance.now();
      if (made.length === 0 && nowMs < nextKeepMs) return;
      const events = made;
      made = [];
      try {
        await store.transact(async (transaction) => {
          for (const event of events) {
            // A line that somebody copied must not stand in the way of all others.
            if ((await transaction.get(notificationsTable, event.id)) !== undefined) continue;
            await transaction.create(notificationsTable, event.id, event);
          }
          for (const [stream, position] of positions) {
            const kept = await transaction.get(eventPositionsTable, stream);
            if (kept === undefined) await transaction.create(eventPositionsTable, stream, position);
            else if (kept.value.sequence !== position.sequence) {
              await transaction.replace(eventPositionsTable, stream, position, kept.version);
            }
          }
        });
      } catch (error) {
        made = [...events, ...made];
        throw error;
      }
      nextKeepMs = nowMs + KEEP_POSITIONS_MS;
      if (events.length > 0) log.debug({ events: events.length }, 'events of keys are to be delivered');
    },
  };
}

/** Stands for the first start that made events: streams that have no position after it are all new. */
const BEGUN = 'begun';

async function beginning(store: Store, directory: string): Promise<Map<string, StreamPosition>> {
  const positions = new Map<string, StreamPosition>();
  await store.transact(async (transaction) => {
    const isFirst = (await transaction.get(eventPositionsTable, BEGUN)) === undefined;
    for (const stream of streamsOf(directory)) {
      const kept = await transaction.get(eventPositionsTable, stream);
      const position = kept?.value ?? (isFirst ? (endOfStream(directory, stream) ?? BEGINNING) : BEGINNING);
      positions.set(stream, position);
      if (kept === undefined) await transaction.create(eventPositionsTable, stream, position);
    }
    if (isFirst) await transaction.create(eventPositionsTable, BEGUN, BEGINNING);
  });
  return positions;
}

/** A record that says of an error is of something that did not happen. */
function eventOf(record: AuditRecord): NotificationRecord | undefined {
  const { eventSource, eventType, eventName, errorCode, eventID, eventTime, awsRegion, recipientAccountId } = record;
  const detailType = detailTypes.get(eventName);
  if (detailType === undefined || eventSource !== 'kms.amazonaws.com' || eventType !== 'AwsServiceEvent')
    return undefined;
  const [key] = record.resources ?? [];
  if (errorCode !== undefined || key === undefined || recipientAccountId === undefined) return undefined;
  const createdAtMs = Date.parse(eventTime);
  return {
    // The record's own: of what is read a second time, the event is the same.
    id: eventID,
    accountId: recipientAccountId,
    region: awsRegion,
    subject: `${detailType}: ${key.ARN}`,
    message: JSON.stringify({
      version: '0',
      id: eventID,
      'detail-type': detailType,
      source: 'aws.kms',
      account: recipientAccountId,
      time: eventTime,
      region: awsRegion,
      resources: [key.ARN],
      detail: { 'key-id': key.ARN.slice(key.ARN.indexOf(':key/') + ':key/'.length) },
    }),
    createdAtMs,
    attempts: 0,
    nextAttemptAtMs: createdAtMs,
  };
}
