import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CreateAccessKeyCommand, CreateUserCommand } from '@aws-sdk/client-iam';
import { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { afterEach, expect, test, vi } from 'vitest';
import { awsCliFor } from './support/aws-cli.ts';
import { awsCli, describeWith } from './support/clients.ts';
import { newDirectory, start } from './support/each-test.ts';
import { iamClient } from './support/iam.ts';
import { expectRefusal, newKey, plaintext } from './support/kms.ts';

/** From somebody who tries a key that is not theirs to whoever is woken: the audit trail, a metric, an alarm, a webhook. */

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function webhook() {
  const told: { message: { AlarmName: string; NewStateValue: string }; atMs: number }[] = [];
  const receiver = createServer(async (request, response) => {
    const { data } = JSON.parse(await text(request));
    told.push({ message: data.message, atMs: Date.now() });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  return { told, url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook` };
}

describeWith(awsCli, 'an alarm on three denied Decrypts in a minute', () => {
  test('reaches a webhook within ten seconds of the third, and not after the second', async () => {
    const { told, url } = await webhook();
    const directory = newDirectory();
    const action = 'arn:aws:sns:us-east-1:111122223333:security';
    const notify = join(directory, 'notify.yaml');
    writeFileSync(join(directory, 'secret'), `whsec_${Buffer.alloc(32, 7).toString('base64')}`, { mode: 0o600 });
    writeFileSync(notify, `actions:\n  - arn: ${action}\n    webhook: { url: "${url}", secretFile: secret }\n`);
    const server = await start({ workers: 2, args: ['--account-id', '111122223333', '--notify', notify] });
    const cli = awsCliFor(server);
    await cli.answer(
      ...['cloudwatch', 'put-metric-alarm', '--alarm-name', 'denied', '--namespace', 'Keyhold/Audit'],
      ...['--metric-name', 'UnauthorizedAttempts', '--statistic', 'Sum', '--period', '60', '--evaluation-periods', '1'],
      ...['--threshold', '3', '--comparison-operator', 'GreaterThanOrEqualToThreshold'],
      ...['--treat-missing-data', 'notBreaching', '--alarm-actions', action],
    );

    const kms = server.kms();
    const key = await newKey(kms);
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext }));
    const iam = iamClient(server);
    await iam.send(new CreateUserCommand({ UserName: 'eve' }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'eve' }));
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
    const eve = server.kms({ credentials: { accessKeyId, secretAccessKey } });
    const deny = () => expectRefusal(eve.send(new DecryptCommand({ CiphertextBlob })), 'AccessDeniedException');
    const state = async () => {
      const { MetricAlarms } = await cli.answer('cloudwatch', 'describe-alarms', '--alarm-names', 'denied');
      return MetricAlarms[0].StateValue;
    };
    await vi.waitFor(async () => expect(await state()).toBe('OK'), { timeout: 60_000 });

    await deny();
    await deny();
    // Longer than the third then takes.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(told).toEqual([]);
    await deny();
    const thirdMs = Date.now();
    await vi.waitFor(() => expect(told).not.toEqual([]), { timeout: 60_000, interval: 20 });
    expect((told[0]?.atMs ?? 0) - thirdMs).toBeLessThan(10_000);
    expect(told[0]?.message).toMatchObject({ AlarmName: 'denied', NewStateValue: 'ALARM' });
    expect(await state()).toBe('ALARM');
  });
});
