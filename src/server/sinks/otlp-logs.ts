import type { AuditRecord } from '../../audit/record.ts';
import { type SinkRecord, serviceOf } from './sink-record.ts';

/**
 * Audit records as OpenTelemetry's logs, in the JSON that OTLP defines ("OpenTelemetry Protocol Specification", JSON Protobuf
 * Encoding: names in lowerCamelCase, enumerations as numbers, 64-bit integers as text). The body is the record's own JSON, as
 * text: nothing of it is lost, and its hash stays what it was. Attributes have the names of the semantic conventions.
 */

/** "Severity Number" of the logs data model. */
const INFO = { severityNumber: 9, severityText: 'INFO' };
const WARN = { severityNumber: 13, severityText: 'WARN' };

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue: string };
}

export interface OtlpSender {
  readonly hostname: string;
}

/** An ExportLogsServiceRequest. @param nowMs when the records were read */
export function otlpLogs(records: readonly SinkRecord[], { hostname }: OtlpSender, nowMs: number): object {
  return {
    resourceLogs: [
      {
        resource: { attributes: attributes({ 'service.name': 'keyhold', 'host.name': hostname }) },
        scopeLogs: [{ scope: { name: 'keyhold.audit' }, logRecords: records.map((each) => logRecord(each, nowMs)) }],
      },
    ],
  };
}

function logRecord({ record, json }: SinkRecord, nowMs: number): object {
  return {
    timeUnixNano: nanoseconds(Date.parse(record.eventTime)),
    observedTimeUnixNano: nanoseconds(nowMs),
    ...(record.errorCode === undefined ? INFO : WARN),
    eventName: `${serviceOf(record)}.${record.eventName}`,
    body: { stringValue: json },
    attributes: attributes({ ...attributesOf(record) }),
  };
}

function attributesOf(record: AuditRecord): Readonly<Record<string, string | undefined>> {
  return {
    // Receivers may take records with the same one for one record, and a record can be sent twice.
    'log.record.uid': record.eventID,
    'cloud.account.id': record.recipientAccountId,
    'cloud.region': record.awsRegion,
    'rpc.system.name': record.eventType === 'AwsApiCall' ? 'aws-api' : undefined,
    'rpc.method': `${serviceOf(record)}/${record.eventName}`,
    'aws.request_id': record.requestID,
    'error.type': record.errorCode,
    'client.address': record.sourceIPAddress,
    'user_agent.original': record.userAgent,
    'user.id': record.userIdentity.arn ?? record.userIdentity.principalId,
  };
}

function attributes(values: Readonly<Record<string, string | undefined>>): KeyValue[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: { stringValue: value } }],
  );
}

function nanoseconds(ms: number): string {
  return `${ms}000000`;
}
