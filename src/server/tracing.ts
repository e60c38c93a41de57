import type { AwsErrorCode } from '../runtime/errors.ts';
import type { TraceParent } from '../wire/traceparent.ts';

/**
 * OpenTelemetry's spans, one for each request, sent to a collector in the background. OpenTelemetry is loaded only where they
 * are asked for. A collector that is slow or gone costs spans, of which so many wait and no more, and never a request.
 */
export interface Tracing {
  /** To be called when a request begins; what it gives, when the request ends. Both are quick and throw nothing. */
  begin(parent: TraceParent | undefined): FinishSpan;
  /** Sends what waits, within its time-out. */
  stop(): Promise<void>;
}

export type FinishSpan = (request: TracedRequest) => void;

/** A request as its span shows it: its name and how it ended, and nothing of what was in it. */
export interface TracedRequest {
  /** Absent where there is none of the name. */
  readonly service: string | undefined;
  readonly operation: string | undefined;
  readonly requestId: string;
  readonly status: number;
  /** Absent after a success. */
  readonly code: AwsErrorCode | undefined;
}

export interface TracingOptions {
  /** Where a collector takes OTLP over HTTP: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Of the traces that begin here, the share that is sent, from 0 to 1. In others, the caller decides. */
  readonly ratio: number;
  readonly worker: number;
  readonly version: string;
  /** Told of what the exporter cannot send. */
  readonly onFailure: (error: unknown) => void;
}

const EXPORT_TIMEOUT_MS = 5000;
const MOST_WAITING = 8192;

export async function startTracing({ url, ratio, worker, version, onFailure }: TracingOptions): Promise<Tracing> {
  const { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } = await import(
    '@opentelemetry/api'
  );
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  const { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } = await import(
    '@opentelemetry/sdk-trace'
  );
  const silent = () => {};
  diag.setLogger(
    {
      error: (...said) => onFailure(new Error(said.join(' '))),
      warn: silent,
      info: silent,
      debug: silent,
      verbose: silent,
    },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'keyhold',
      'service.version': version,
      'service.instance.id': `worker-${worker}`,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS }),
        maxQueueSize: MOST_WAITING,
        scheduledDelayMillis: 1000,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('keyhold');

  return {
    begin(parent) {
      const traceFlags = parent?.sampled === true ? TraceFlags.SAMPLED : TraceFlags.NONE;
      const from =
        parent === undefined
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags, isRemote: true });
      const span = tracer.startSpan('request', { kind: SpanKind.SERVER }, from);
      return ({ service, operation, requestId, status, code }) => {
        // "Semantic conventions for RPC" and "for AWS SDK", OpenTelemetry.
        span.updateName(service === undefined ? 'request' : `${service}/${operation ?? 'unknown'}`);
        span.setAttribute('rpc.system', 'aws-api');
        if (service !== undefined) span.setAttribute('rpc.service', service);
        if (operation !== undefined) span.setAttribute('rpc.method', operation);
        span.setAttribute('aws.request_id', requestId);
        span.setAttribute('http.response.status_code', status);
        if (code !== undefined) span.setAttribute('error.type', code);
        // A refusal is no error of the server ("HTTP spans", status).
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      };
    },
    async stop() {
      await provider.shutdown().catch(onFailure);
    },
  };
}
