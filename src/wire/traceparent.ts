/** W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/): which trace a request is a part of. */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: the caller's own step in it. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const LONGEST_HEADER = 256;
const ALL_ZERO = /^0+$/;

/** The header `traceparent`; undefined if there is none, or none that is valid: then the request begins a trace. */
export function readTraceParent(header: string): TraceParent | undefined {
  if (header === '' || header.length > LONGEST_HEADER) return undefined;
  const [, version = 'ff', traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(header) ?? [];
  // Later versions may add to it (section 3.2.4); this one has nothing more.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
