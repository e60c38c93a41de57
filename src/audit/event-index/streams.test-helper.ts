import { appendFileSync, readFileSync, renameSync } from 'node:fs';
import type { FollowedLine } from '../follow-stream.ts';
import { followStream } from '../follow-stream.ts';
import { type ChainLink, chainLine, genesis, linkOf } from '../hash-chain.ts';
import type { AuditRecord } from '../record.ts';
import { closedFile, segmentsOf, sequenceOf, streamFile, streamsOf } from '../stream-files.ts';
import type { StreamPosition } from '../stream-position.ts';
import type { EventIndex } from './event-index.ts';

/** Audit streams for tests of their index: written as workers write them, and followed as the monitor follows them. */

export const ACCOUNTS = ['111122223333', '444455556666'] as const;
export const REGIONS = ['us-east-1', 'eu-west-1'] as const;

export interface SampleEvent {
  readonly accountId?: string;
  readonly region?: string;
  readonly eventName?: string;
  readonly userName?: string;
  readonly keyId?: string;
  readonly readOnly?: boolean;
  readonly timeMs?: number;
  readonly eventID?: string;
}

export const START_MS = Date.UTC(2026, 10, 22, 10, 0, 0);

let ids = 0;

/** Another one each time, as random as it needs to be. */
export function eventId(): string {
  ids++;
  const hex = Math.imul(ids, 0x9e3779b1) >>> 0;
  return `${hex.toString(16).padStart(8, '0')}-1c3b-4e8f-8f7a-${ids.toString(16).padStart(12, '0')}`;
}

export function recordOf(event: SampleEvent): AuditRecord {
  const { accountId = ACCOUNTS[0], region = REGIONS[0], userName = 'alice', keyId = 'k1' } = event;
  return {
    eventVersion: '1.11',
    userIdentity: {
      type: 'IAMUser',
      principalId: `AIDA${userName}`,
      arn: `arn:aws:iam::${accountId}:user/${userName}`,
      accountId,
      accessKeyId: `AKIA${userName.toUpperCase()}`,
      userName,
    },
    eventTime: new Date(event.timeMs ?? START_MS).toISOString().replace('.000Z', 'Z'),
    eventSource: 'kms.amazonaws.com',
    eventName: event.eventName ?? 'Encrypt',
    awsRegion: region,
    sourceIPAddress: '127.0.0.1',
    userAgent: 'aws-cli/2',
    requestParameters: { keyId, encryptionAlgorithm: 'SYMMETRIC_DEFAULT', encryptionContext: { tenant: 'é ' } },
    responseElements: null,
    requestID: eventId(),
    eventID: event.eventID ?? eventId(),
    readOnly: event.readOnly ?? true,
    resources: [{ accountId, type: 'AWS::KMS::Key', ARN: `arn:aws:kms:${region}:${accountId}:key/${keyId}` }],
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: accountId,
    eventCategory: 'Management',
  };
}

export interface SampleStream {
  write(...records: readonly AuditRecord[]): void;
  /** As a worker does when its file has become large. */
  closeFile(): void;
}

export function sampleStream(directory: string, stream: string): SampleStream {
  let link: ChainLink = genesis(stream);
  const path = streamFile(directory, stream);
  return {
    write(...records) {
      let text = '';
      for (const record of records) {
        const line = chainLine(stream, link, JSON.stringify(record));
        text += `${line}\n`;
        link = linkOf(link, line);
      }
      appendFileSync(path, text);
    },
    closeFile() {
      renameSync(path, closedFile(directory, stream, sequenceOf(readFileSync(path, 'latin1')) as number));
    },
  };
}

/** Gives an index all that it has not had of all streams, as the monitor does from its start on. */
export function catchUp(index: EventIndex, directory: string): void {
  for (const stream of streamsOf(directory)) {
    const after: StreamPosition = index.position(stream);
    const follower = followStream({ directory, stream, after, written: () => Number.POSITIVE_INFINITY });
    for (let lines = follower.read(); lines.length > 0; lines = follower.read()) {
      for (const line of lines) {
        const record = parsed(line);
        if (record !== undefined) index.take({ ...line, record });
      }
    }
    follower.close();
  }
  index.flush();
}

/** Every record of every stream that can be read, in the order of the streams and then of their lines. */
export function allRecords(directory: string): { readonly json: string; readonly record: AuditRecord }[] {
  return streamsOf(directory).flatMap((stream) =>
    segmentsOf(directory, stream).flatMap(({ path }) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{"stream"') && line.endsWith('}'))
        .map((line) => line.slice(line.indexOf('"record":') + '"record":'.length, -1))
        .map((json) => ({ json, record: JSON.parse(json) as AuditRecord })),
    ),
  );
}

function parsed({ text }: FollowedLine): AuditRecord | undefined {
  try {
    return (JSON.parse(text) as { record: AuditRecord }).record;
  } catch {
    return undefined;
  }
}
