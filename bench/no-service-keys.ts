import type { ServiceKeys } from '../src/services/kms/ports.ts';

const notWanted = () => {
  throw new Error('the keys of a benchmark are customer managed');
};

export const noServiceKeys: ServiceKeys = { managed: notWanted, foreseen: notWanted, owned: notWanted };
