import type { AuditRecord, AuditResource } from '../../audit/record.ts';
import type { TrustedRoots } from '../../crypto/attestation/trusted-roots.ts';
import type { Custody } from '../../custody/contract.ts';
import type { KeyPairMaker } from '../../custody/software/rsa-key-maker.ts';
import { softwareCustody } from '../../custody/software/software-custody.ts';
import { softwareImport } from '../../custody/software/software-import.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import type { Random } from '../../runtime/random.ts';
import { announcing, changeFeed, type Epoch, sharedEpoch } from '../../store/change-feed.ts';
import { sealedMemoryStore, testSealer } from '../../store/sealed-memory-store.test-helper.ts';
import type { Store } from '../../store/sealed-store.ts';
import type { ConsequenceRecorder } from '../attempt-records.ts';
import type { Caller, Scope } from '../caller.ts';
import { type Forward, forwarder } from '../forward.ts';
import { perform, type Service } from '../perform.ts';
import { administrator, NOW, scopeOf } from '../scope.test-helper.ts';
import { grantDirectory } from './grant-directory.ts';
import { grantTokens } from './grant-tokens.ts';
import { kmsService } from './index.ts';
import { keyDirectory } from './key-directory.ts';
import { compileKeyPolicy } from './key-policy.ts';
import { type LastUsages, lastUsages, startOfTracking } from './last-usages.ts';
import type { ServiceKeys, UnknownPrincipals } from './ports.ts';
import { serviceKeys } from './service-keys.ts';

/** AWS KMS below the wire: a store in memory, and as many workers over it as a test wants, all of them real. */
export interface Machine {
  readonly store: Store;
  readonly epoch: Epoch;
  worker(capacity?: number, attestationRoots?: TrustedRoots, unknownPrincipals?: UnknownPrincipals): Promise<Worker>;
}

export interface Worker {
  readonly service: Service;
  readonly directory: ReturnType<typeof keyDirectory>;
  readonly custody: Custody;
  readonly usages: LastUsages;
  readonly serviceKeys: ServiceKeys;
  /** As another service of this server asks. */
  readonly forward: Forward;
  /** What forwarded requests and the making of services' keys have left in the trail. */
  readonly audited: AuditRecord[];
  /** Whatever is to be recorded from now on fails so; undefined, and it no longer does. */
  failAudit(error: Error | undefined): void;
  /** Performs an operation on an input that is taken for validated. */
  call(operation: string, input: object, caller?: Caller, more?: Partial<Scope>): Promise<Record<string, unknown>>;
}

/**
 * @param seed of its random numbers: a machine over the store of another must not make the same ids again
 * @param makeKeyPair makes the key pairs of imports
 */
export function machine(records: Store = sealedMemoryStore(), seed = 'machine', makeKeyPair?: KeyPairMaker): Machine {
  const epoch = sharedEpoch(new SharedArrayBuffer(4));
  const store = announcing(records, epoch);
  const random: Random = seededRandom(seed);
  return {
    store,
    epoch,
    async worker(capacity = 100, attestationRoots = [], unknownPrincipals = 'believed') {
      const custody = softwareCustody(testSealer(), random);
      const feed = await changeFeed(store, epoch);
      const directory = keyDirectory({ store, feed, custody, compilePolicy: compileKeyPolicy, capacity });
      const materialImport = softwareImport(testSealer(), testSealer(), makeKeyPair);
      const usages = lastUsages(store, await startOfTracking(store, NOW));
      const audited: AuditRecord[] = [];
      let auditFailure: Error | undefined;
      const audit = {
        append: async (recordJson: string) => {
          if (auditFailure !== undefined) throw auditFailure;
          audited.push(JSON.parse(recordJson));
        },
        close: async () => {},
      };
      const keysOfServices = serviceKeys({
        store,
        keys: directory,
        custody,
        random,
        compilePolicy: compileKeyPolicy,
        audit,
      });
      const grants = grantDirectory({ store, feed, capacity });
      const service = kmsService({
        store,
        directory,
        grants,
        grantTokens: grantTokens(testSealer()),
        custody,
        materialImport,
        random,
        compilePolicy: compileKeyPolicy,
        attestationRoots,
        usages,
        serviceKeys: keysOfServices,
        unknownPrincipals,
      });
      return {
        service,
        directory,
        custody,
        usages,
        serviceKeys: keysOfServices,
        forward: forwarder(service, audit, random),
        audited,
        failAudit(error) {
          auditFailure = error;
        },
        async call(name, input, caller = administrator, more = {}) {
          const operation = service.operations.get(name);
          if (operation === undefined) throw new Error(`no operation ${name}`);
          let answer: object | undefined;
          const scope = scopeOf(caller, more);
          const touched: AuditResource[] = [];
          await perform(service, operation, input, scope, touched, async (output) => {
            answer = output;
          });
          const { nowMs } = scope;
          service.succeeded?.(operation, { touched, nowMs, requestId: random.uuid(), eventId: random.uuid() });
          return (answer ?? {}) as Record<string, unknown>;
        },
      };
    },
  };
}

/** For tests of what happens by itself that are not about its records. */
export const unrecorded: ConsequenceRecorder = async () => {};

/** Makes a key and gives its id. */
export async function createKey(worker: Worker, input: object = {}): Promise<string> {
  const { KeyMetadata } = await worker.call('CreateKey', input);
  return (KeyMetadata as { KeyId: string }).KeyId;
}

/** What a request was refused with. */
export async function refusal(refused: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await refused.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof KeyholdError)) throw error;
  return { code: error.code, message: error.message };
}
