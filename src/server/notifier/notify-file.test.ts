import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readNotifyFile } from './notify-file.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-notify-'));
  const keys = [Buffer.alloc(24, 1), Buffer.alloc(64, 2)];
  write('good.secret', `${keys.map((key) => `whsec_${key.toString('base64')}`).join('\n')}\n`);
  chmodSync(join(directory, 'good.secret'), 0o600);
  write('open.secret', `whsec_${Buffer.alloc(24, 1).toString('base64')}`);
  chmodSync(join(directory, 'open.secret'), 0o644);
  write('short.secret', `whsec_${Buffer.alloc(23).toString('base64')}`);
  write('plain.secret', 'not a secret that anybody knows the form of');
  write('empty.secret', '\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const read = (text: string) => readNotifyFile(write('notify.yaml', text));

test('names receivers by the ARN of an action, and those of events', () => {
  const { targets, openToOthers } = read(`
actions:
  - arn: arn:aws:sns:us-east-1:111122223333:security
    webhook: { url: https://example.com/alarms, secretFile: good.secret }
  - arn: arn:aws:sns:us-east-1:111122223333:pager
    command: [/bin/sh, -c, 'true']
    timeoutSeconds: 5
  - arn: arn:aws:sns:us-east-1:111122223333:old
    sns: { url: 'http://[::1]:9000/', timeoutSeconds: 3 }
events:
  - name: siem
    detailTypes: [KMS CMK Rotation]
    accounts: ['011122223333', 111122223333]
    webhook: { url: http://siem.internal/, insecureHttp: true, secretFile: open.secret }
  - name: all
    sns: { url: http://localhost:9000/, topicArn: arn:aws:sns:us-east-1:111122223333:events }
`);
  expect(Object.fromEntries(targets.actions)).toEqual({
    'arn:aws:sns:us-east-1:111122223333:security': {
      kind: 'webhook',
      url: 'https://example.com/alarms',
      timeoutSeconds: 10,
      keys: [new Uint8Array(24).fill(1), new Uint8Array(64).fill(2)],
    },
    'arn:aws:sns:us-east-1:111122223333:pager': {
      kind: 'command',
      argv: ['/bin/sh', '-c', 'true'],
      timeoutSeconds: 5,
    },
    'arn:aws:sns:us-east-1:111122223333:old': {
      kind: 'sns',
      url: 'http://[::1]:9000/',
      timeoutSeconds: 3,
      topicArn: 'arn:aws:sns:us-east-1:111122223333:old',
    },
  });
  expect(targets.events).toMatchObject([
    { name: 'siem', detailTypes: ['KMS CMK Rotation'], accounts: ['011122223333', '111122223333'] },
    { name: 'all', receiver: { kind: 'sns', topicArn: 'arn:aws:sns:us-east-1:111122223333:events' } },
  ]);
  expect(targets.events[1]).not.toHaveProperty('accounts');
  expect(openToOthers).toEqual([join(directory, 'open.secret')]);
});

test('may hold nothing yet', () => {
  expect(read('actions: []').targets).toEqual({ actions: new Map(), events: [] });
});

describe('is refused, with the place of what is wrong,', () => {
  const action = (receiver: string) => `actions:\n  - arn: arn:aws:sns:us-east-1:111122223333:a\n    ${receiver}\n`;
  const webhook = (more: string) => action(`webhook: { url: https://example.com/, ${more} }`);

  test.each([
    ['a misspelt name', 'action: []', ':1:1: action: is not known here, where there can be actions, events'],
    ['no receiver', action(''), 'must have one of webhook, sns and command'],
    [
      'two receivers',
      action('sns: { url: https://example.com/ }\n    command: [/bin/true]'),
      'must have one of webhook, sns and command',
    ],
    ['what is no ARN', 'actions:\n  - arn: security\n    command: [/bin/true]', 'failed to satisfy constraint'],
    [
      'an ARN twice',
      `${action('command: [/bin/true]')}  - arn: arn:aws:sns:us-east-1:111122223333:a\n    command: [/bin/true]\n`,
      'is there twice',
    ],
    ['no URL', action('sns: { url: example.com }'), ':3:12: actions[0].sns.url: ValidationException: must be an https'],
    ['another scheme', action('sns: { url: file:///etc/passwd }'), 'must be an https or http URL'],
    ['a password in a URL', action('sns: { url: https://a:b@example.com/ }'), 'without a user and a password'],
    ['http to elsewhere', action('sns: { url: http://example.com/ }'), 'must be an https URL, or of this machine'],
    ['no secret', webhook('timeoutSeconds: 1'), 'secretFile is missing'],
    ['a secret that is not there', webhook('secretFile: none'), 'cannot read the file of its secret'],
    [
      'a secret that is too short',
      webhook('secretFile: short.secret'),
      'must have 1 to 4 lines of whsec_ and 24 to 64',
    ],
    ['a secret of another form', webhook('secretFile: plain.secret'), 'must have 1 to 4 lines of whsec_'],
    ['an empty secret', webhook('secretFile: empty.secret'), 'must have 1 to 4 lines of whsec_'],
    ['a time-out that is too long', webhook('secretFile: good.secret, timeoutSeconds: 61'), 'less than or equal to 60'],
    ['a command by its name alone', action('command: [true]'), 'must be a text'],
    ['a command on the path', action('command: [sh]'), 'must begin with an absolute path'],
    ['a command that is not there', action('command: [/nonexistent/x]'), 'cannot be run'],
    ['events without a name', 'events:\n  - command: [/bin/true]', 'name is missing'],
    [
      'SNS for events without a topic',
      'events:\n  - name: a\n    sns: { url: https://example.com/ }',
      'topicArn is missing',
    ],
  ])('if it has %s', (_, text, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'StartupRefused' }));
    expect(() => read(text)).toThrow(message);
  });

  test('if it is not there', () => {
    expect(() => readNotifyFile(join(directory, 'none.yaml'))).toThrow('cannot read the file of --notify');
  });

  test('and never quotes a secret', () => {
    expect(() => read(webhook('secretFile: plain.secret'))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('anybody') }),
    );
  });
});
