import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '../../src/crypto/key-pair.ts';
import type { KeyPairMaker } from '../../src/custody/software/rsa-key-maker.ts';
import { KeyholdError } from '../../src/runtime/errors.ts';
import type { Caller as KeyholdCaller } from '../../src/services/caller.ts';
import { destroyDueKeys } from '../../src/services/kms/destroy-due-keys.ts';
import { destroyExpiredMaterial, forgetDeletedMaterial } from '../../src/services/kms/destroy-imported-material.ts';
import { doDueWork } from '../../src/services/kms/due-work.ts';
import { machine, unrecorded, type Worker } from '../../src/services/kms/kms.test-helper.ts';
import { rotateDueKeys } from '../../src/services/kms/rotate-due-keys.ts';
import { ACCOUNT, administrator, NOW, OTHER_ACCOUNT, user } from '../../src/services/scope.test-helper.ts';
import type { RawStore } from '../../src/store/contract.ts';
import { openMemoryStore } from '../../src/store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../src/store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../src/store/sealed-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { dice } from '../support/dice.ts';
import type { Accounts, Caller } from './model.ts';
import type { Outcome, Request, System } from './system.ts';

/**
 * Keyhold below the wire: three workers with caches of their own, one of them too small for anything, over a store in memory
 * or in a file. Each request goes to one of them by lot. A restart leaves nothing but the store.
 */

/** Making an RSA key takes a hundred times as long as all the rest of a sequence. */
let keyPair: ReturnType<KeyPairMaker> | undefined;
const oneKeyPair: KeyPairMaker = (spec) => {
  keyPair ??= generateKeyPair(spec);
  return keyPair;
};

const CAPACITIES = [100, 100, 1];

export const machineAccounts: Accounts = { owner: ACCOUNT, guest: OTHER_ACCOUNT };

const guestArn = `arn:aws:iam::${OTHER_ACCOUNT}:root`;
const callers: Readonly<Record<Caller, KeyholdCaller>> = {
  owner: administrator,
  alice: user('alice'),
  guest: {
    principal: { type: 'Root', arn: guestArn, accountId: OTHER_ACCOUNT, id: OTHER_ACCOUNT },
    identityPolicies: [],
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    auditIdentity: { type: 'Root', principalId: OTHER_ACCOUNT, arn: guestArn, accountId: OTHER_ACCOUNT },
  },
};

export interface MachineSystem extends System {
  /** Ends it for good, and removes its file. */
  close(): Promise<void>;
}

export async function machineSystem(kind: 'memory' | 'sqlite'): Promise<MachineSystem> {
  const storage = kind === 'memory' ? inMemory() : inFile();
  const lot = dice(0, 0);
  let nowMs = NOW;
  let starts = 0;
  let running = await start();

  async function start(): Promise<{ readonly store: Store; readonly workers: readonly Worker[] }> {
    // Not the random numbers of the start before: they would make its ids again.
    const { store, worker } = machine(sealedMemoryStore(storage.open()), `start ${++starts}`, oneKeyPair);
    const workers: Worker[] = [];
    for (const capacity of CAPACITIES) workers.push(await worker(capacity));
    return { store, workers };
  }

  async function call({ by, region, operation, input }: Request): Promise<Outcome> {
    const worker = lot.pick(running.workers);
    try {
      // What the wire does before it hands on a request, but for the shapes, which the model never gets wrong.
      worker.service.operations.get(operation)?.validate?.(input);
      return { answer: await worker.call(operation, input, callers[by], { region, nowMs }) };
    } catch (error) {
      if (error instanceof KeyholdError) return { refusal: error.code };
      throw error;
    }
  }

  return {
    others: ['alice', 'guest'],
    toleranceMs: 0,
    now: () => nowMs,
    call,
    tick: () => {
      nowMs += 1;
    },
    async advance(ms) {
      nowMs += ms;
    },
    async sweep() {
      const { custody } = lot.pick(running.workers);
      const works = [destroyDueKeys, rotateDueKeys(custody), destroyExpiredMaterial, forgetDeletedMaterial];
      for (const work of works) {
        const { failures } = await doDueWork(running.store, work, nowMs, unrecorded);
        if (failures[0] !== undefined) throw failures[0].error;
      }
    },
    async restart() {
      await storage.close();
      running = await start();
    },
    async close() {
      await storage.close();
      storage.remove();
    },
  };
}

/** Where records are kept from one start to the next. */
interface Storage {
  open(): RawStore;
  close(): Promise<void>;
  remove(): void;
}

function inMemory(): Storage {
  const store = openMemoryStore();
  return { open: () => store, close: async () => {}, remove: () => {} };
}

function inFile(): Storage {
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-test-'));
  let store: RawStore | undefined;
  return {
    open() {
      store = openSqliteStore({ path: join(directory, 'keyhold.db') });
      return store;
    },
    close: async () => store?.close(),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
