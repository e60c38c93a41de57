import { LRUCache } from 'lru-cache';
import { type Family, type FamilyName, families, MOST_ACCOUNTS } from './catalogue.ts';

/**
 * The figures of all threads, in memory that they share. Each thread has a section of its own and writes nowhere else, so
 * that counting is a plain addition, without locks or atomic operations; whoever is asked sums the sections up. A worker
 * that is started anew goes on in the section of the one that died, and no counter ever falls.
 *
 * INVARIANT: one thread writes a section. What it reads of others' may be a moment old, but is whole: a 64-bit number that
 * is aligned is written at once on every processor that Node.js runs on.
 */
export interface MetricsMemory {
  readonly cells: SharedArrayBuffer;
  /** The numbers of accounts: their ids as integers, plus one, for 0 is a number that no account has yet. */
  readonly accounts: SharedArrayBuffer;
  readonly sections: number;
}

interface Place {
  readonly family: Family;
  /** Where its cells begin in a section. */
  readonly start: number;
  /** Cells of one series: a histogram has one for each bucket, and last the sum. */
  readonly width: number;
}

const places = new Map<FamilyName, Place>();
let cellsPerSection = 0;
for (const [name, family] of Object.entries(families) as [FamilyName, Family][]) {
  const width = family.bounds === undefined ? 1 : family.bounds.length + 2;
  places.set(name, { family, start: cellsPerSection, width });
  cellsPerSection += family.size * width;
}

/** The main thread has the section after the workers', and the monitor the one after that. */
export function mainSection(workers: number): number {
  return workers;
}

export function monitorSection(workers: number): number {
  return workers + 1;
}

/** @param workers each has a section of its own number */
export function metricsMemory(workers: number): MetricsMemory {
  const sections = workers + 2;
  return {
    cells: new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT * cellsPerSection * sections),
    accounts: new SharedArrayBuffer(BigUint64Array.BYTES_PER_ELEMENT * MOST_ACCOUNTS),
    sections,
  };
}

/** A family as the thread of one section writes it. `series` is a number that the catalogue gives. */
export interface Cells {
  add(series: number, amount: number): void;
  set(series: number, value: number): void;
}

export interface Observations {
  observe(series: number, seconds: number): void;
}

export function cellsOf(memory: MetricsMemory, section: number, name: FamilyName): Cells {
  const cells = sectionCells(memory, section, name);
  return {
    add: (series, amount) => {
      (cells[series] as number) += amount;
    },
    set: (series, value) => {
      cells[series] = value;
    },
  };
}

export function observationsOf(memory: MetricsMemory, section: number, name: FamilyName): Observations {
  const { family, width } = placeOf(name);
  const cells = sectionCells(memory, section, name);
  const bounds = family.bounds ?? [];
  return {
    observe: (series, seconds) => {
      const start = series * width;
      let bucket = 0;
      while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket++;
      (cells[start + bucket] as number) += 1;
      (cells[start + width - 1] as number) += seconds;
    },
  };
}

/** All cells of a family, summed over the sections. */
export function totalsOf(memory: MetricsMemory, name: FamilyName): Float64Array {
  const totals = sectionCells(memory, 0, name).slice();
  for (let section = 1; section < memory.sections; section++) {
    const cells = sectionCells(memory, section, name);
    for (let at = 0; at < totals.length; at++) (totals[at] as number) += cells[at] as number;
  }
  return totals;
}

/** Accounts that one thread remembers the number of, or that they have none. */
const REMEMBERED_ACCOUNTS = 4 * MOST_ACCOUNTS;
const NONE = -1;

/** Gives accounts their numbers, the same in every thread and for good; undefined for those that find none left. */
export function accountNumbers(memory: MetricsMemory): (accountId: string) => number | undefined {
  const taken = new BigUint64Array(memory.accounts);
  const known = new LRUCache<string, number>({ max: REMEMBERED_ACCOUNTS });

  function take(accountId: string): number {
    const mark = BigInt(accountId) + 1n;
    for (let number = 0; number < taken.length; number++) {
      const before = Atomics.compareExchange(taken, number, 0n, mark);
      if (before === 0n || before === mark) return number;
    }
    return NONE;
  }

  return (accountId) => {
    let number = known.get(accountId);
    if (number === undefined) {
      number = take(accountId);
      known.set(accountId, number);
    }
    return number === NONE ? undefined : number;
  };
}

/** The account that has a number. */
export function accountOf(memory: MetricsMemory, number: number): string | undefined {
  const mark = Atomics.load(new BigUint64Array(memory.accounts), number);
  return mark === 0n ? undefined : String(mark - 1n).padStart(12, '0');
}

function sectionCells({ cells }: MetricsMemory, section: number, name: FamilyName): Float64Array {
  const { family, start, width } = placeOf(name);
  const bytes = Float64Array.BYTES_PER_ELEMENT;
  return new Float64Array(cells, (section * cellsPerSection + start) * bytes, family.size * width);
}

function placeOf(name: FamilyName): Place {
  return places.get(name) as Place;
}
