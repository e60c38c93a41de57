import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/**
 * As much of Amazon S3 as `aws cloudtrail validate-logs` asks for, over the directory that trails are delivered to:
 * GetBucketLocation, ListObjects and GetObject. Signatures are not looked at.
 */
export interface S3Directory {
  readonly url: string;
  close(): Promise<void>;
}

export async function serveS3Directory(root: string): Promise<S3Directory> {
  const server = createServer(({ url = '/' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    const [, bucket = '', ...rest] = decodeURIComponent(pathname).split('/');
    const key = rest.join('/');
    if (searchParams.has('location')) xml(response, 200, '<LocationConstraint/>');
    else if (key === '') list(response, bucket, searchParams);
    else if (objectsOf(root, bucket).includes(key)) get(response, join(root, bucket, key));
    else xml(response, 404, '<Error><Code>NoSuchKey</Code></Error>');
  });

  function list(response: ServerResponse, bucket: string, asked: URLSearchParams): void {
    const [prefix, marker] = [asked.get('prefix') ?? '', asked.get('marker') ?? ''];
    const keys = objectsOf(root, bucket).filter((key) => key.startsWith(prefix) && key > marker);
    const contents = keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('');
    xml(response, 200, `<ListBucketResult><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`);
  }

  function get(response: ServerResponse, path: string): void {
    const metadata = Object.entries(metadataOf(path)).map(([name, value]) => [`x-amz-meta-${name}`, value]);
    response.writeHead(200, Object.fromEntries(metadata)).end(readFileSync(path));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The keys of a bucket, in order. What has a name with a dot before it is no object. */
export function objectsOf(root: string, bucket: string): string[] {
  const found: string[] = [];
  const walk = (parts: readonly string[]): void => {
    for (const name of readdirSync(join(root, bucket, ...parts))) {
      if (name.startsWith('.')) continue;
      const inner = [...parts, name];
      if (statSync(join(root, bucket, ...inner)).isDirectory()) walk(inner);
      else found.push(inner.join('/'));
    }
  };
  if (statSync(join(root, bucket), { throwIfNoEntry: false })?.isDirectory()) walk([]);
  return found.sort();
}

export function metadataPath(path: string): string {
  return path.replace(/[^/]+$/, '.$&.metadata');
}

function metadataOf(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(metadataPath(path), 'utf8'));
  } catch {
    return {};
  }
}

function xml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${body}`);
}
