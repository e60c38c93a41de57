import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as sdk from '@aws-sdk/client-kms';

/** What AWS's SDK itself knows of each operation: a source of expectations that the server has no part in. */

const packageDirectory = join(createRequire(import.meta.url).resolve('@aws-sdk/client-kms'), '../..');

/** The members of an operation's request, by AWS's names: those of the schema that the SDK serialises by. */
export function requestMembers(operation: string): string[] {
  const commands = sdk as unknown as Record<string, new (input: object) => { readonly schema: readonly unknown[] }>;
  const Command = commands[`${operation}Command`];
  if (Command === undefined) throw new Error(`the SDK has no ${operation}`);
  const [, , , , request] = new Command({}).schema;
  const [, , , , members] = (typeof request === 'function' ? request() : request) as readonly unknown[];
  return members as string[];
}

/** The exceptions that an operation documents and that a caller can be to blame for. */
export function documentedExceptions(operation: string): string[] {
  const path = join(packageDirectory, 'dist-types/commands', `${operation}Command.d.ts`);
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/@throws \{@link (\w+)\} \(client fault\)/g)].map(([, name]) => name as string);
}
