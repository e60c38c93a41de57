import { describe, expect, test } from 'vitest';
import { sinkRecord } from './sink-records.test-helper.ts';
import { framed, MOST_DATAGRAM_BYTES, type SyslogSender, syslogDatagram, syslogMessage } from './syslog-message.ts';

const sender: SyslogSender = { hostname: 'kms-1.example.com', processId: 4711 };

test('a message, byte for byte', () => {
  expect(syslogMessage(sinkRecord(), sender, 0)).toBe(
    '<109>1 2026-11-26T10:30:00Z kms-1.example.com keyhold 4711 ListKeys [meta sequenceId="1"] ' +
      '{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE",' +
      '"arn":"arn:aws:iam::111122223333:user/administrator","accountId":"111122223333"},' +
      '"eventTime":"2026-11-26T10:30:00Z","eventSource":"kms.amazonaws.com","eventName":"ListKeys",' +
      '"awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","userAgent":"aws-cli","requestParameters":null,' +
      '"responseElements":null,"requestID":"11111111-1111-4111-8111-111111111111",' +
      '"eventID":"22222222-2222-4222-8222-222222222222","readOnly":true,"eventType":"AwsApiCall",' +
      '"managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}',
  );
});

test('what was refused is a warning', () => {
  expect(syslogMessage(sinkRecord({ errorCode: 'AccessDenied' }), sender, 6)).toMatch(
    /^<108>1 .* \[meta sequenceId="7"\] /,
  );
});

test('a sequence begins anew behind the greatest number that the RFC knows', () => {
  const sequence = (count: number) => /sequenceId="(\d+)"/.exec(syslogMessage(sinkRecord(), sender, count))?.[1];
  expect([2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31].map(sequence)).toEqual(['2147483647', '1', '2']);
});

test('nothing that a caller writes leaves its place', () => {
  const eventName = 'List\nKeys <13>1 "]';
  const each = sinkRecord({ eventName, userAgent: 'a\r\n<13>1 - – 🔑 \u007f\u0085\u2028' });
  const message = syslogMessage(each, { hostname: 'höst name', processId: 1 }, 0);
  expect(message).toMatch(/^[\x20-\x7e]+$/);
  const at = message.indexOf('{');
  const [header, json] = [message.slice(0, at), message.slice(at)];
  expect(header).toBe('<109>1 2026-11-26T10:30:00Z h?st?name keyhold 1 List?Keys?<13>1?"] [meta sequenceId="1"] ');
  expect(JSON.parse(json)).toEqual(each.record);
});

test('empty and long fields of the header are what the RFC allows', () => {
  const message = syslogMessage(sinkRecord({ eventName: 'E'.repeat(40) }), { hostname: '', processId: 1 }, 0);
  expect(message.split(' ').slice(2, 6)).toEqual(['-', 'keyhold', '1', 'E'.repeat(32)]);
});

test('a frame is the length in bytes, a space and the message', () => {
  const message = syslogMessage(sinkRecord({ userAgent: '🔑' }), sender, 0);
  const frame = Buffer.from(framed(message));
  const space = frame.indexOf(' ');
  expect(Number(frame.toString('latin1', 0, space))).toBe(frame.length - space - 1);
  expect(frame.toString('latin1', space + 1)).toBe(message);
});

describe('a datagram', () => {
  const jsonIn = (datagram: Buffer) => {
    const text = datagram.toString('latin1');
    return JSON.parse(text.slice(text.indexOf('{'))) as Record<string, unknown>;
  };

  test('is the message', () => {
    expect(syslogDatagram(sinkRecord(), sender, 3).toString('latin1')).toBe(syslogMessage(sinkRecord(), sender, 3));
  });

  test('of a record that does not fit says what was left out', () => {
    const policy = 'é'.repeat(40_000);
    const each = sinkRecord({ requestParameters: { policy }, responseElements: { keyId: 'a' } });
    expect(jsonIn(syslogDatagram(each, sender, 0))).toEqual({
      ...each.record,
      requestParameters: { omitted: true, originalSize: 80_000 + '{"policy":""}'.length },
      responseElements: { omitted: true, originalSize: '{"keyId":"a"}'.length },
    });
  });

  test('is never larger than one can be', () => {
    expect(syslogDatagram(sinkRecord({ userAgent: 'u'.repeat(70_000) }), sender, 0)).toHaveLength(MOST_DATAGRAM_BYTES);
  });
});
