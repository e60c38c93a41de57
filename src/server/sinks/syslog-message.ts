import type { SinkRecord } from './sink-record.ts';

/**
 * An audit record as a message of syslog (RFC 5424):
 *
 *     <109>1 2026-11-26T10:30:00Z host keyhold 4711 Encrypt [meta sequenceId="1"] {"eventVersion":"1.11",…}
 *
 * What a caller wrote cannot end the message or begin another one: JSON escapes control characters, and here all that is
 * not ASCII is escaped as well, so that the message needs no byte order mark, which few receivers take off before they
 * read JSON (RFC 5424, section 6.4).
 */
export interface SyslogSender {
  readonly hostname: string;
  readonly processId: number;
}

/** "log audit" (RFC 5424, table 1). */
const FACILITY = 13;
const NOTICE = 5;
const WARNING = 4;
/** Of `2026-11-26T10:30:00Z`, and some room. */
const LONGEST_TIME = 32;
/** Where a sequence begins anew (RFC 5424, section 7.3.1). */
const MOST_SEQUENCE = 2 ** 31 - 1;

/** What IPv4 leaves for the data of one datagram. */
export const MOST_DATAGRAM_BYTES = 65_507;

/**
 * @param count how many messages there were before since the start: receivers see by it what was lost on the way
 */
export function syslogMessage({ record, json }: SinkRecord, sender: SyslogSender, count: number): string {
  const priority = 8 * FACILITY + (record.errorCode === undefined ? NOTICE : WARNING);
  const header = [
    `<${priority}>1`,
    printable(record.eventTime, LONGEST_TIME),
    printable(sender.hostname, 255),
    'keyhold',
    sender.processId,
    printable(record.eventName, 32),
    `[meta sequenceId="${(count % MOST_SEQUENCE) + 1}"]`,
  ];
  return `${header.join(' ')} ${ascii(json)}`;
}

/**
 * The same for a datagram. A record that does not fit goes without what makes records large, and says so; were that not
 * enough, its end is cut off (RFC 5424, section 6.1).
 */
export function syslogDatagram(each: SinkRecord, sender: SyslogSender, count: number): Buffer {
  let message = syslogMessage(each, sender, count);
  if (message.length > MOST_DATAGRAM_BYTES) {
    const { requestParameters, responseElements } = each.record;
    const smaller = {
      ...each.record,
      requestParameters: withoutContent(requestParameters),
      responseElements: withoutContent(responseElements),
    };
    message = syslogMessage({ record: each.record, json: JSON.stringify(smaller) }, sender, count);
  }
  return Buffer.from(message.slice(0, MOST_DATAGRAM_BYTES), 'latin1');
}

function withoutContent(member: object | null): object | null {
  return member === null ? null : { omitted: true, originalSize: Buffer.byteLength(JSON.stringify(member)) };
}

/** A message in a stream: its length in bytes before it (RFC 6587, section 3.4.1; RFC 5425, section 4.3). */
export function framed(message: string): string {
  return `${message.length} ${message}`;
}

/** A field of the header: what is not printable becomes `?`, what is empty the nil value. */
function printable(text: string, most: number): string {
  return text.replace(/[^\x21-\x7e]/g, '?').slice(0, most) || '-';
}

function ascii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
