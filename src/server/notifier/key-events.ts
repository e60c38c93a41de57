import type { Logger } from 'pino';
import type { AuditRecord } from '../../audit/record.ts';
import { BEGINNING, behind, endsOfStreams, goOnFrom, type StreamPosition } from '../../audit/stream-position.ts';
import { type Clock, monotonicMs } from '../../runtime/clock.ts';
import {
  type NotificationRecord,
  notificationKey,
  notificationsTable,
} from '../../services/cloudwatch/notifications.ts';
import { type Store, table } from '../../store/sealed-store.ts';
import type { RecordConsumer } from '../monitor/record-consumer.ts';
import { GIVE_UP_MS } from './notifier.ts';

/** Behind which line of each audit stream no event is in the outbox yet. The key is the stream's name. */
const eventPositionsTable = table<StreamPosition>('event-positions');

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
    take(line) {
      const event = eventOf(line.record);
      if (event !== undefined && event.createdAtMs > clock.now() - GIVE_UP_MS) made.push(event);
      positions.set(line.stream, behind(line));
    },
    async flush() {
      const nowMs = monotonicMs();
      if (made.length === 0 && nowMs < nextKeepMs) return;
      const events = made;
      made = [];
      try {
        await store.transact(async (transaction) => {
          for (const event of events) {
            // A line that somebody copied must not stand in the way of all others.
            const key = notificationKey(event);
            if ((await transaction.get(notificationsTable, key)) !== undefined) continue;
            await transaction.create(notificationsTable, key, event);
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
    for (const [stream, end] of endsOfStreams(directory)) {
      const kept = await transaction.get(eventPositionsTable, stream);
      const others = isFirst ? end : BEGINNING;
      positions.set(stream, kept === undefined ? others : goOnFrom(directory, stream, kept.value));
      if (kept === undefined) await transaction.create(eventPositionsTable, stream, others);
    }
    if (isFirst) await transaction.create(eventPositionsTable, BEGUN, BEGINNING);
  });
  return positions;
}

/**
 * What CloudTrail shows of the event, with EventBridge's names for it. AWS's page has an example of a rotation with all of its
 * members; that an expiry names the material is taken from the record alone.
 */
const detailNames: ReadonlyMap<string, string> = new Map([
  ['keyId', 'key-id'],
  ['keyOrigin', 'key-origin'],
  ['rotationType', 'rotation-type'],
  ['previousKeyMaterialId', 'previous-key-material-id'],
  ['currentKeyMaterialId', 'current-key-material-id'],
  ['keyMaterialId', 'key-material-id'],
]);

function detailOf({ serviceEventDetails = {} }: AuditRecord): object {
  const details = serviceEventDetails as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    [...detailNames].flatMap(([member, name]) => (details[member] === undefined ? [] : [[name, details[member]]])),
  );
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ACCOUNT = /^\d{12}$/;

/** A record that says of an error is of something that did not happen. */
function eventOf(record: AuditRecord): NotificationRecord | undefined {
  const { eventSource, eventType, eventName, errorCode, eventID, eventTime, awsRegion, recipientAccountId } = record;
  const detailType = detailTypes.get(eventName);
  if (detailType === undefined || eventSource !== 'kms.amazonaws.com' || eventType !== 'AwsServiceEvent')
    return undefined;
  const [key] = record.resources ?? [];
  if (errorCode !== undefined || key?.type !== 'AWS::KMS::Key' || recipientAccountId === undefined) return undefined;
  // It becomes the key of a record. What no worker wrote may be none, and must not stand in the way of all others.
  if (!UUID.test(eventID) || !ACCOUNT.test(recipientAccountId)) return undefined;
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
      detail: detailOf(record),
    }),
    createdAtMs,
    attempts: 0,
    nextAttemptAtMs: createdAtMs,
  };
}
