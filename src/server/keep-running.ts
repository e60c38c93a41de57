import { setTimeout } from 'node:timers/promises';

/** So that a thread which dies at once does not keep the machine busy with its starts. */
const RESTART_PAUSE_MS = 1000;

export interface KeptRunning {
  /** Resolves when the thread works, with the promise of its end. Rejects if it ends before. */
  readonly start: () => Promise<{ readonly gone: Promise<void> }>;
  readonly isStopping: () => boolean;
  readonly onRestart: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** Replaces a thread that ends by one that works, however often that has to be tried, until it is to stop. */
export async function keepRunning(
  first: Promise<void>,
  { start, isStopping, onRestart, onFailure }: KeptRunning,
): Promise<void> {
  let gone = first;
  for (;;) {
    await gone;
    if (isStopping()) return;
    await setTimeout(RESTART_PAUSE_MS);
    if (isStopping()) return;
    onRestart();
    try {
      ({ gone } = await start());
    } catch (error) {
      onFailure(error);
      gone = Promise.resolve();
    }
  }
}
