import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from './server.ts';

/**
 * The fenced blocks of the documentation. The word after the fence says what becomes of a block:
 *
 * - `bash` and `ts` blocks are run, a page's in order, in a directory that looks like a checkout whose server runs;
 *   `bash sandbox` and `ts sandbox` against a server in the sandbox. `# → words` and `// → words` say what is printed.
 * - `yaml` blocks are seeds: the page's server, or that in the sandbox, has started with it.
 * - `json` blocks are test vectors, and equal an entry of a file in `test/vectors/` that the page links to.
 * - `text` blocks are only read.
 */
export interface Block {
  readonly page: string;
  /** Of the fence that opens it. */
  readonly line: number;
  readonly language: string;
  readonly sandbox: boolean;
  readonly text: string;
  /** What running it must print, in this order. */
  readonly prints: readonly string[];
}

/** Every page, by its path from the root. */
export function documentationPages(): string[] {
  const below = readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' });
  const top = readdirSync(projectRoot);
  return [...top, ...below.map((name) => join('docs', name))].filter((name) => name.endsWith('.md')).sort();
}

export function readPage(page: string): string {
  return readFileSync(join(projectRoot, page), 'utf8');
}

export function blocksOf(page: string, markdown: string = readPage(page)): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\w*)(?: (\w+))?$/.exec(lines[at] as string);
    if (fence === null) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`${page}:${at + 1}: a fenced block is not closed`);
    const text = lines.slice(at + 1, end).join('\n');
    const [, language = '', option] = fence;
    const prints = [...text.matchAll(/(?:#|\/\/) → (.+)$/gm)].map(([, words]) => words as string);
    blocks.push({ page, line: at + 1, language, sandbox: option === 'sandbox', text, prints });
    at = end;
  }
  return blocks;
}

export interface Link {
  /** From the root; the page itself for a link within it. */
  readonly path: string;
  /** The heading it points to. */
  readonly anchor?: string;
}

/** A page's links that stay within the repository. */
export function localLinksOf(page: string, markdown: string = readPage(page)): Link[] {
  const links = [...markdown.matchAll(/\]\(([^()\s#]*)(?:#([^()\s]*))?\)/g)];
  return links
    .filter(([, path]) => path?.includes('://') === false)
    .map(([, path, anchor]) => ({
      path: path === '' ? page : join(dirname(page), path as string),
      ...(anchor === undefined ? {} : { anchor }),
    }));
}

/** The names by which a page's headings can be linked to, as GitHub and its like make them. */
export function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
