import { driveLoad, type LoadOptions, type LoadResult, NoAnswer } from './driver.ts';
import { type LatencySummary, summarizeLatencies } from './latencies.ts';
import { ask, nextKeys, type Subject, signAll } from './subject.ts';
import { checkAnswer, dataKeyPairInput, encrypt, isKeyPair, type KeyUnderTest, type Workload } from './workload.ts';

/**
 * What becomes of Encrypt while the server makes the slowest keys there are, in alternation with what it is otherwise.
 */

export interface Contention {
  readonly quiet: LatencySummary;
  readonly busy: LatencySummary;
  /** How many came, of those that were asked for in rounds. */
  readonly keyPairs: number;
}

export interface ContentionPlan {
  readonly rounds: number;
  readonly roundMs: number;
  /** How long to wait after a round for key pairs that are under way. The measurement ends where they take longer. */
  readonly patienceMs: number;
}

const KEY_SPEC = 'RSA_4096';
/** Two at a time, so that the next is there when one is done. */
const KEY_PAIRS_IN_FLIGHT = 2;
/** More than can be made in any round. */
const MOST_KEY_PAIRS = 500;
const MOST_ENCRYPTS_PER_SECOND = 25_000;

type Asked = Pick<Workload, 'name' | 'operation' | 'input' | 'isRight'>;

const makeKeyPair: Asked = {
  name: `GenerateDataKeyPair ${KEY_SPEC}`,
  operation: 'GenerateDataKeyPair',
  input: (key) => dataKeyPairInput(key, KEY_SPEC),
  isRight: isKeyPair,
};

export async function measureContention(
  subject: Subject,
  connections: number,
  { rounds, roundMs, patienceMs }: ContentionPlan,
): Promise<Contention> {
  const quiet: Float64Array[] = [];
  const busy: Float64Array[] = [];
  let keyPairs = 0;
  const asking = (operation: string, input: object) => ask(subject, operation, input);

  /** Signs the requests of one round, and gives the function that sends them. */
  function load(asked: Asked, count: number, options: Omit<LoadOptions, 'timeLimitMs'>): () => Promise<LoadResult> {
    const keys = nextKeys(subject, encrypt.keySpec, count);
    const requests = signAll(subject, asked, keys);
    return async () => {
      const result = await driveLoad(subject.server.port, requests, { ...options, timeLimitMs: roundMs });
      for (const { index, body } of result.kept) await checkAnswer(asked, keys[index] as KeyUnderTest, body, asking);
      return result;
    };
  }

  const encrypts = () => {
    const send = load(encrypt, Math.ceil((roundMs / 1000) * MOST_ENCRYPTS_PER_SECOND), { connections, keepEvery: 499 });
    return async () => (await send()).latenciesMs;
  };

  /** The function resolves to the number of key pairs, or undefined if some were not in time. */
  const keyPairRequests = () => {
    const send = load(makeKeyPair, MOST_KEY_PAIRS, { connections: KEY_PAIRS_IN_FLIGHT, keepEvery: 1, patienceMs });
    return async () => {
      try {
        return (await send()).kept.length;
      } catch (error) {
        if (error instanceof NoAnswer) return undefined;
        throw error;
      }
    };
  };

  for (let round = 0; round < rounds; round++) {
    quiet.push(await encrypts()());
    const [encryptMeanwhile, makeKeyPairs] = [encrypts(), keyPairRequests()];
    const [latenciesMs, made] = await Promise.all([encryptMeanwhile(), makeKeyPairs()]);
    busy.push(latenciesMs);
    keyPairs += made ?? 0;
    if (made === undefined) break;
  }
  return { quiet: summarizeLatencies(quiet), busy: summarizeLatencies(busy), keyPairs };
}
