import { readFileSync } from 'node:fs';

/** A CPU profile as V8 writes it (Chrome DevTools Protocol, `Profiler.Profile`), as far as this reads it. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  /** The id of the node on top of the stack, at each sample. */
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

/** Parts of the server by the place of their source; of two that fit, the first counts. */
const PARTS: readonly (readonly [place: string, part: string])[] = [
  ['/src/wire/sigv4/', 'signature'],
  ['/src/server/authenticate', 'signature'],
  ['/src/wire/', 'JSON and validation'],
  ['/src/authorization/', 'authorization'],
  ['/src/services/audit-record', 'audit'],
  ['/src/audit/', 'audit'],
  ['/src/custody/', 'cryptography'],
  ['/src/crypto/', 'cryptography'],
  ['/src/runtime/random', 'random bytes and ids'],
  ['/src/store/', 'store and caches'],
  ['/src/server/listener', 'HTTP: our handler'],
  ['/src/server/', 'dispatch'],
  ['/src/services/', 'operations'],
];

const GARBAGE_COLLECTION = 'garbage collection';
const HTTP = 'HTTP: Node.js';
const IDLE = ['(idle)', '(root)'];

/** How a profile's busy time divides among the parts of the server, as lines of text, the largest first. */
export function profileSummary(path: string): string[] {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as CpuProfile;
  const partOf = partsOfNodes(profile);
  const micros = new Map<string, number>();
  let busy = 0;
  profile.samples.forEach((id, index) => {
    const part = partOf.get(id);
    const spent = profile.timeDeltas[index];
    if (part === undefined || spent === undefined) return;
    micros.set(part, (micros.get(part) ?? 0) + spent);
    busy += spent;
  });
  return [...micros]
    .sort(([, a], [, b]) => b - a)
    .map(([part, spent]) => `${((100 * spent) / busy).toFixed(1).padStart(5)} %  ${part}`);
}

/** A node is part of what its nearest caller in our source is part of: what that calls into Node, it pays for. */
function partsOfNodes({ nodes }: CpuProfile): Map<number, string> {
  const parts = new Map<number, string>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visit = (id: number, inherited: string): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const { functionName, url } = node.callFrame;
    const own = PARTS.find(([place]) => url.includes(place))?.[1] ?? inherited;
    if (functionName === '(garbage collector)') parts.set(id, GARBAGE_COLLECTION);
    else if (!IDLE.includes(functionName)) parts.set(id, own);
    for (const child of node.children ?? []) visit(child, own);
  };
  const [root] = nodes;
  if (root !== undefined) visit(root.id, HTTP);
  return parts;
}
