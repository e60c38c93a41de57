import { appendFileSync, renameSync } from 'node:fs';
import { type ChainLink, chainLine, genesis, linkOf } from '../../audit/hash-chain.ts';
import { closedFile, streamFile } from '../../audit/stream-files.ts';

/** A record with the members that everyone looks at. */
export function someRecord(eventName: string): object {
  return {
    userIdentity: {},
    eventTime: '2026-11-26T10:30:00Z',
    eventSource: 'kms.amazonaws.com',
    eventName,
    awsRegion: 'us-east-1',
    eventID: '22222222-2222-4222-8222-222222222222',
  };
}

/** Writes an audit stream as a worker does, one line at a time. */
export interface StreamWriter {
  /** Up to which sequence it is written for good. */
  written: number;
  append(...records: readonly object[]): void;
  /** As a worker does when its file has become large. Gives where it is then. */
  closeFile(): string;
}

export function streamWriter(directory: string, stream: string): StreamWriter {
  let link: ChainLink = genesis(stream);
  let first = 1;
  const writer: StreamWriter = {
    written: 0,
    append(...records) {
      for (const record of records) {
        const line = chainLine(stream, link, JSON.stringify(record));
        appendFileSync(streamFile(directory, stream), `${line}\n`);
        link = linkOf(link, line);
      }
      writer.written = link.sequence;
    },
    closeFile() {
      const path = closedFile(directory, stream, first);
      renameSync(streamFile(directory, stream), path);
      first = link.sequence + 1;
      return path;
    },
  };
  return writer;
}
