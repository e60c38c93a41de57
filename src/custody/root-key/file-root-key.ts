import { readFileSync, statSync } from 'node:fs';
import { SealedBox } from '../../crypto/sealed-box.ts';
import { SecretBytes } from '../../crypto/secret-bytes.ts';
import { writeFileDurably } from '../../runtime/durable-file.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { Random } from '../../runtime/random.ts';
import type { RootKey } from './contract.ts';

const FILE_PREFIX = 'keyhold-root-key-v1 ';
const KEY_BYTES = 32;

/** What seals a domain key. The label belongs to the format: changing it would orphan every data directory. */
const box = new SealedBox('keyhold root key wrap v1');

/** Writes a new root key, 0600, and does not return before it is on the disk. Fails if the file exists. */
export function createRootKeyFile(path: string, random: Random): void {
  writeFileDurably(path, `${FILE_PREFIX}${random.bytes(KEY_BYTES).toString('base64')}\n`, { exclusive: true });
}

/** Opens a root key file. Throws StartupRefused if it is missing, malformed, or readable by anyone but its owner. */
export function openRootKeyFile(path: string, random: Random): RootKey {
  let text: string;
  let mode: number;
  try {
    mode = statSync(path).mode;
    text = readFileSync(path, 'ascii');
  } catch (cause) {
    throw new KeyholdError('StartupRefused', `cannot read the root key file ${path}`, { cause });
  }
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new KeyholdError('StartupRefused', `the root key file ${path} is open to others; run: chmod 600 ${path}`);
  }
  const encoded = text.startsWith(FILE_PREFIX) ? text.slice(FILE_PREFIX.length).trimEnd() : '';
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== encoded) {
    throw new KeyholdError('StartupRefused', `${path} is not a Keyhold root key file`);
  }
  const key = new SecretBytes(bytes);
  return {
    wrap: async (domainKey, identity) => box.seal(key, random, domainKey, identity),
    unwrap: async (wrapped, identity) => {
      try {
        return box.open(key, wrapped, identity);
      } catch (cause) {
        throw new KeyholdError('WrongRootKey', 'the root key does not open the domain keys', { cause });
      }
    },
  };
}
