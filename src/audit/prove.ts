import { existsSync } from 'node:fs';
import { parsePublicKey } from '../crypto/key-pair.ts';
import { KeyholdError } from '../runtime/errors.ts';
import { type ChainLink, genesis, linkOf } from './hash-chain.ts';
import { linesOf } from './lines-of.ts';
import { HEADS_STREAM, type Heads, keyIdOf, parseHeads, readSignedHeads, type StreamHead } from './signed-heads.ts';
import { closedFilesOf, streamFile, streamsOf, workerOf } from './stream-files.ts';
import { headOnDisk } from './stream-tail.ts';
import { type ChainWalk, type LineProblem, walkChain } from './verify.ts';

/**
 * Proves an audit directory: that every stream is the one whose heads the deployment signed. The signed heads are verified
 * first, with their own chain, what the store notes of them and what an anchor elsewhere kept; then each stream is gone
 * through beside them, file after file, and must have the signed hash wherever a head was signed. Its older files may be gone as
 * far as signed heads say that they may be: that is what retention removes, and nobody else.
 *
 * INVARIANT: signed heads are read before the streams that they speak of. A head is signed once its lines are on the disk,
 * so a server may go on writing meanwhile, and what it adds is more than was signed and never less.
 */
export interface ProofOptions {
  /** The audit directory. */
  readonly directory: string;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  /** The newest signed heads, as the store notes them; undefined where there is no store to ask. */
  readonly noted?: ChainLink;
  /** A file of signed heads that was kept elsewhere. */
  readonly anchor?: string;
  /** Believe that the signed heads up to this one lie in an archive, if the trail says that it was begun anew after it. */
  readonly beginsAfter?: number;
  readonly onProgress?: (stream: string, bytes: number) => void;
}

export interface Proof {
  readonly streams: readonly StreamProof[];
  /** The newest signed heads that are believed, and how many streams they speak of. */
  readonly signed?: { readonly sequence: number; readonly time: string; readonly streams: number };
  /** The first of each stream; none if everything is as it was signed. */
  readonly problems: readonly Problem[];
  /** What is no fault, but worth knowing. */
  readonly notes: readonly string[];
}

export interface StreamProof {
  readonly stream: string;
  /** From the first on, all that fit; those that retention has removed among them. */
  readonly records: number;
  /** How many of them are covered by a signature. */
  readonly signed: number;
  /** How many retention has removed; absent if none. */
  readonly removed?: number;
}

export interface Problem extends LineProblem {
  readonly stream: string;
}

/** A server that runs may remove files while they are verified, once newer signed heads say so. */
const MOST_ATTEMPTS = 3;

/** Throws StartupRefused if the key is none, and what the file system throws. */
export function proveAuditDirectory(options: ProofOptions): Proof {
  for (let attempt = 1; ; attempt++) {
    const { fileMissing, trusted, ...proof } = proveOnce(options);
    const signedSince = headOnDisk(options.directory, HEADS_STREAM).sequence > trusted.sequence;
    if (!fileMissing || !signedSince || attempt === MOST_ATTEMPTS) return proof;
  }
}

function proveOnce(options: ProofOptions): Proof & { fileMissing: boolean; trusted: ChainLink } {
  const { directory } = options;
  const notes: string[] = [];
  const problems: Problem[] = [];
  const heads = proveHeads(options, notes);
  problems.push(...heads.problems);
  const streams: StreamProof[] = [];
  const present = streamsOf(directory);
  let fileMissing = false;
  for (const stream of [...new Set([...present, ...heads.newest.keys()])].sort()) {
    const signed = heads.newest.get(stream);
    if (!present.includes(stream)) {
      if (signed?.sequence === 0) continue;
      const what = `is missing, with the whole stream: ${linesSigned(signed?.sequence ?? 0)}`;
      problems.push({ stream, line: 1, what });
      continue;
    }
    const { proof, walk } = proveStream(stream, heads, options);
    streams.push(proof);
    fileMissing ||= walk.fileMissing;
    const first = earlier(walk.problem ?? addedAfterStop(proof, heads, directory), heads.added.get(stream));
    if (first !== undefined) problems.push({ stream, ...first });
    if (walk.tornBytes > 0) {
      notes.push(
        `${stream} ends in ${walk.tornBytes} bytes of an unfinished line: a crash left it, or it is being written`,
      );
    }
    if (signed === undefined) notes.push(`${stream} is in no signed heads yet`);
    const keptFrom = heads.keptFrom.get(stream)?.sequence ?? 0;
    if (walk.first <= keptFrom) notes.push(`${stream} still has lines before ${keptFrom + 1}, which may be removed`);
  }
  const { last, trusted } = heads;
  return {
    streams,
    ...(last === undefined
      ? {}
      : { signed: { sequence: trusted.sequence, time: last.time, streams: heads.newest.size } }),
    problems,
    notes,
    fileMissing,
    trusted,
  };
}

interface ProvenHeads {
  readonly path: string;
  /** The link of the last signed heads that are believed. */
  readonly trusted: ChainLink;
  readonly last?: Heads;
  /** Of each stream that ever had a head, the newest. */
  readonly newest: ReadonlyMap<string, StreamHead>;
  /** Of each stream whose older files may be gone, the last line that may be. */
  readonly keptFrom: ReadonlyMap<string, ChainLink>;
  /** What was added to streams of workers while no server ran. */
  readonly added: ReadonlyMap<string, LineProblem>;
  readonly problems: readonly Problem[];
}

function proveHeads(options: ProofOptions, notes: string[]): ProvenHeads {
  const { directory, noted, anchor, beginsAfter, onProgress } = options;
  const path = streamFile(directory, HEADS_STREAM);
  const key = parsePublicKey('ECC_NIST_EDWARDS25519', options.publicKey);
  if (key === undefined) throw new KeyholdError('StartupRefused', 'the public key is no Ed25519 key');
  const keyId = keyIdOf(options.publicKey);
  const read = (line: Buffer) => readSignedHeads(line, key, keyId);
  const newest = new Map<string, StreamHead>();
  const keptFrom = new Map<string, ChainLink>();
  const added = new Map<string, LineProblem>();
  const problems: Problem[] = [];
  const told = (line: number, what: string) => problems.push({ stream: HEADS_STREAM, line, what });
  const anchored = anchor === undefined ? [].values() : anchoredHeads(anchor, read, notes);
  let nextAnchored = anchored.next();
  let last: Heads | undefined;

  function judge(link: ChainLink, line: Buffer): LineProblem | undefined {
    const heads = read(line);
    const wrong = (what: string) => ({ line: link.sequence, what });
    if (typeof heads === 'string') return wrong(heads);
    if (noted?.sequence === link.sequence && noted.hash !== link.hash) {
      return wrong('is not what the store notes: the signed heads were put back as they once were, or written anew');
    }
    for (; !nextAnchored.done && nextAnchored.value.sequence <= link.sequence; nextAnchored = anchored.next()) {
      const { sequence, hash, problem } = nextAnchored.value;
      if (problem !== undefined) return wrong(`cannot be compared: ${problem}`);
      if (sequence === link.sequence && hash !== link.hash) return wrong('is not what the anchor keeps');
    }
    const { follows } = heads;
    if (follows !== undefined) {
      const gone = `comes after signed heads ${follows.sequence}, which are gone: the trail was put back or begun anew`;
      if (link.sequence !== 1 || follows.sequence !== beginsAfter) return wrong(gone);
      notes.push(`the trail was begun anew after signed heads ${follows.sequence}`);
    }
    for (const head of heads.heads) {
      const before = newest.get(head.stream)?.sequence ?? 0;
      if (
        last?.at === 'stop' &&
        heads.at === 'start' &&
        workerOf(head.stream) !== undefined &&
        head.sequence > before
      ) {
        const what = `was added while no server ran, between ${last.time} and ${heads.time}`;
        if (!added.has(head.stream)) added.set(head.stream, { line: before + 1, what });
      }
      newest.set(head.stream, head);
    }
    for (const { stream, ...link } of heads.begins ?? []) {
      if (link.sequence > (keptFrom.get(stream)?.sequence ?? 0)) keptFrom.set(stream, link);
    }
    last = heads;
    return undefined;
  }

  if (!existsSync(path)) {
    told(1, 'is missing: no heads were ever signed, or someone removed them');
    return { path, trusted: genesis(HEADS_STREAM), newest, keptFrom, added, problems };
  }
  // Of this stream no server closes a file; what is called like one may not stand in for the beginning of it.
  if (closedFilesOf(directory, HEADS_STREAM).length > 0) {
    told(1, 'is in a closed file, of which this stream has none');
    return { path, trusted: genesis(HEADS_STREAM), newest, keptFrom, added, problems };
  }
  const progress = (bytes: number) => onProgress?.(HEADS_STREAM, bytes);
  const { link: trusted, problem, tornBytes } = walkChain(directory, HEADS_STREAM, { line: judge, progress });
  if (problem !== undefined) told(problem.line, problem.what);
  else if (noted !== undefined && noted.sequence > trusted.sequence) {
    told(trusted.sequence + 1, `is missing: the store notes signed heads up to ${noted.sequence}`);
  } else if (!nextAnchored.done) {
    const { sequence, time, problem: inAnchor } = nextAnchored.value;
    told(
      trusted.sequence + 1,
      inAnchor === undefined
        ? `is missing: the anchor keeps signed heads up to ${sequence} at least, of ${time}`
        : `cannot be compared: ${inAnchor}`,
    );
  }
  if (tornBytes > 0) notes.push(`the signed heads end in ${tornBytes} bytes of an unfinished line`);
  return { path, trusted, ...(last === undefined ? {} : { last }), newest, keptFrom, added, problems };
}

interface AnchoredHeads extends ChainLink {
  readonly time: string;
  /** Why it does not fit into the anchor. */
  readonly problem?: string;
}

/** The signed heads that an anchor keeps, in the order of their sequences; each once, however often it was delivered. */
function* anchoredHeads(
  path: string,
  read: (line: Buffer) => Heads | string,
  notes: string[],
): Generator<AnchoredHeads, undefined> {
  let before: ChainLink = { sequence: 0, hash: '' };
  let number = 0;
  for (const { bytes } of linesOf(path)) {
    number++;
    if (parseHeads(bytes) === undefined) {
      notes.push(`line ${number} of the anchor holds no signed heads; a crash may have torn it`);
      continue;
    }
    const heads = read(bytes);
    const { sequence } = JSON.parse(bytes.toString('utf8')) as { sequence: number };
    const link = linkOf({ sequence: sequence - 1, hash: '' }, bytes);
    if (typeof heads === 'string') {
      yield { ...before, time: '', problem: `line ${number} of the anchor ${heads}` };
      return;
    }
    if (sequence < before.sequence || (sequence === before.sequence && link.hash !== before.hash)) {
      const problem = `the anchor goes back to signed heads ${sequence} in its line ${number}: the trail was put back then`;
      yield { ...before, time: heads.time, problem };
      return;
    }
    if (sequence === before.sequence) continue;
    before = link;
    yield { ...link, time: heads.time };
  }
}

function proveStream(
  stream: string,
  heads: ProvenHeads,
  { directory, onProgress }: ProofOptions,
): { readonly proof: StreamProof; readonly walk: ChainWalk } {
  const due = headsOfStream(stream, heads);
  const keptFrom = heads.keptFrom.get(stream);
  let next = due.next();
  /** The newest link that a signature covers. */
  let signed = genesis(stream);
  /** The link of the last line that is gone, and may be. */
  let gone = signed;

  /** Compares the heads that were signed of the stream, up to this link of it. */
  function compare(link: ChainLink): LineProblem | undefined {
    for (; !next.done && next.value.sequence <= link.sequence; next = due.next()) {
      const { sequence, hash, time } = next.value;
      if (sequence < signed.sequence) {
        const what = `was written anew: the stream was put back to ${sequence} records before ${time}`;
        return { line: sequence + 1, what };
      }
      const there = sequence < gone.sequence ? { sequence, hash } : link;
      const same = sequence === signed.sequence ? signed : there;
      if (same.hash !== hash) {
        const what = `or a later one, up to ${sequence}, is not the one that was signed at ${time}`;
        return { line: Math.min(signed.sequence + 1, sequence), what };
      }
      signed = same;
    }
    if (link.sequence === keptFrom?.sequence && link.hash !== keptFrom.hash) {
      return { line: link.sequence, what: 'or an earlier one is not the one up to which lines may be removed' };
    }
    return undefined;
  }

  let inGap: LineProblem | undefined;
  const visitor = {
    line: (link: ChainLink) => inGap ?? compare(link),
    passedOver(link: ChainLink) {
      gone = link;
      inGap ??= compare(link);
    },
    progress: (bytes: number) => onProgress?.(stream, bytes),
  };
  const walk = walkChain(directory, stream, visitor, keptFrom);
  const { link, first } = walk;
  const problem = walk.problem ?? inGap ?? compare(link) ?? missing();
  function missing(): LineProblem | undefined {
    if (next.done) return undefined;
    return { line: link.sequence + 1, what: `is missing: ${linesSigned(next.value.sequence)} at ${next.value.time}` };
  }
  return {
    proof: {
      stream,
      records: link.sequence,
      signed: signed.sequence,
      ...(first > 1 ? { removed: first - 1 } : {}),
    },
    walk: { ...walk, ...(problem === undefined ? {} : { problem }) },
  };
}

/** The heads that were signed of one stream. The file is read again for each, so that none of it has to be kept. */
function* headsOfStream(
  stream: string,
  { path, trusted }: ProvenHeads,
): Generator<ChainLink & { readonly time: string }, undefined> {
  let link = genesis(HEADS_STREAM);
  if (trusted.sequence === 0) return;
  for (const { bytes } of linesOf(path)) {
    link = linkOf(link, bytes);
    const said = parseHeads(bytes);
    const head = said?.heads.find((each) => each.stream === stream);
    if (said !== undefined && head !== undefined) yield { sequence: head.sequence, hash: head.hash, time: said.time };
    if (link.sequence === trusted.sequence) break;
  }
  // The signatures were verified in the first reading; what is read here must be the same bytes.
  if (link.hash !== trusted.hash) {
    throw new KeyholdError('AuditUnavailable', 'the signed heads were changed while they were read');
  }
}

/** A server signs before its workers begin, so one that has stopped since has left nothing unsigned. */
function addedAfterStop(
  { stream, records, signed }: StreamProof,
  heads: ProvenHeads,
  directory: string,
): LineProblem | undefined {
  const { trusted, last } = heads;
  if (last?.at !== 'stop' || records === signed || workerOf(stream) === undefined) return undefined;
  // Or a server has started while this was reading.
  if (headOnDisk(directory, HEADS_STREAM).sequence !== trusted.sequence) return undefined;
  return { line: signed + 1, what: `was added after the server stopped at ${last.time}` };
}

function linesSigned(count: number): string {
  return `${count} record${count === 1 ? ' was' : 's were'} signed`;
}

function earlier(a: LineProblem | undefined, b: LineProblem | undefined): LineProblem | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.line <= b.line ? a : b;
}
