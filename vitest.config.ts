import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'],
    // Black-box tests boot real servers and run real clients, of which some take seconds for each call; two cores are what CI
    // has.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    // Servers and commands are started a thousand times here: what Node has compiled once need not be compiled again.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
  },
});
