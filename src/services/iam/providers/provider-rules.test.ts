import { describe, expect, test } from 'vitest';
import { checkProviderUrl } from './provider-rules.ts';

const NOT_HTTPS = 'Invalid Open ID Connect Provider URL. The URL must begin with https://.';
const INVALID = 'Invalid Open ID Connect Provider URL.';
const NO_URL = 'Invalid Open ID Connect Provider URL';

describe('the URL of a provider', () => {
  test.each([
    'https://example.com',
    'https://example.com/',
    'https://example.com/realms/One',
    'https://192.0.2.7',
    'https://token.actions.githubusercontent.com',
  ])('may be %s', (url) => {
    expect(() => checkProviderUrl(url)).not.toThrow();
  });

  test.each([
    ['example.com', NO_URL],
    ['https://', NO_URL],
    ['', NO_URL],
    ['mailto:someone@example.com', NO_URL],
    ['http://example.com', NOT_HTTPS],
    ['HTTPS://example.com', NOT_HTTPS],
    ['ftp://127.0.0.1', NOT_HTTPS],
    ['https://example.com:8443', INVALID],
    ['https://example.com:443', INVALID],
    ['https://example.com:', INVALID],
    ['https://user:secret@example.com', INVALID],
    ['https://user@127.0.0.1', INVALID],
    ['https://example.com?a=b', INVALID],
    ['https://example.com#a', INVALID],
    ['https://exa_mple.com', INVALID],
    ['https://example.com/a b', INVALID],
    ['https://example.com/*', INVALID],
    ['https://example.com/é', INVALID],
    ['https://ex\tample.com', INVALID],
  ])('may not be %j', (url, message) => {
    expect(() => checkProviderUrl(url)).toThrow(message);
  });

  test.each(['http://localhost:8080', 'http://127.0.0.1:8080/realm', 'http://[::1]:8080', 'https://127.0.0.1:8443'])(
    'may be one of this machine, with its port and over http: %s',
    (url) => {
      expect(() => checkProviderUrl(url)).not.toThrow();
    },
  );

  // Names that begin like an address of this machine, and resolve to wherever their owner wants.
  test.each(['http://127.0.0.1.example.com', 'http://localhost.example.com', 'http://0.0.0.0', 'http://[::2]'])(
    'is not taken for one of this machine: %s',
    (url) => {
      expect(() => checkProviderUrl(url)).toThrow(NOT_HTTPS);
    },
  );
});
