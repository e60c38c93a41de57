/**
 * How far those who follow the audit streams have come, all together: what one of them has not yet kept elsewhere, retention
 * leaves in its file (`audit-retention.ts`, which says how long it waits at most).
 */
export interface Consumption {
  /**
   * Counts one more party from now on.
   *
   * @returns to be called when the party needs a stream no more up to a line, which is to be read again after a crash otherwise
   */
  join(): (stream: string, sequence: number) => void;
}

/** @param onConsumed told of a stream when all parties have come further in it */
export function consumption(onConsumed: (stream: string, sequence: number) => void): Consumption {
  const parties: Map<string, number>[] = [];
  const told = new Map<string, number>();

  return {
    join() {
      const positions = new Map<string, number>();
      parties.push(positions);
      return (stream, sequence) => {
        positions.set(stream, sequence);
        const least = Math.min(...parties.map((each) => each.get(stream) ?? 0));
        if (least <= (told.get(stream) ?? 0)) return;
        told.set(stream, least);
        onConsumed(stream, least);
      };
    },
  };
}
