import { expect, it } from 'vitest';
import { discoveryUrl, providerName, readKeySetUrl, readProviderUrl } from './provider-url.ts';

it('keys are fetched over https from anywhere, and over http from this machine alone', () => {
  for (const url of [
    'https://server.example.com',
    'https://server.example.com/path/',
    'https://server.example.com:8443/path',
    'http://localhost:3000/realms/one',
    'http://127.0.0.1:3000',
    'http://127.8.9.10',
    'http://[::1]:3000',
  ]) {
    expect(readProviderUrl(url), url).toBeInstanceOf(URL);
  }
  for (const url of [
    'http://server.example.com',
    'http://169.254.169.254/latest',
    'http://10.0.0.1',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://user@127.0.0.1',
    'https://user:password@server.example.com',
    'https://server.example.com?query',
    'https://server.example.com/?',
    'https://server.example.com/#',
    'https://server.example.com/#fragment',
    'https://server.example.com/a b',
    'https:server.example.com',
    'https:/server.example.com',
    'https:\\\\server.example.com',
    'https://server.example.com\\path',
    'https:evil.example/://server.example.com',
    'HTTPS://server.example.com',
    ' https://server.example.com',
    'file:///etc/passwd',
    'data:application/json,{}',
    'ftp://127.0.0.1',
    'server.example.com',
    '',
  ]) {
    expect(readProviderUrl(url), url).toBeUndefined();
  }
});

it('a provider is named by its URL without the scheme, letter for letter', () => {
  expect(providerName('https://server.example.com')).toBe('server.example.com');
  expect(providerName('https://server.example.com/path/')).toBe('server.example.com/path/');
  expect(providerName('http://127.0.0.1:3000/a')).toBe('127.0.0.1:3000/a');
});

it('the discovery document lies below the issuer, whose last slash is not doubled', () => {
  const found = (url: string) => discoveryUrl(new URL(url)).href;
  expect(found('https://server.example.com')).toBe('https://server.example.com/.well-known/openid-configuration');
  expect(found('https://server.example.com/')).toBe('https://server.example.com/.well-known/openid-configuration');
  expect(found('https://a.example/b/')).toBe('https://a.example/b/.well-known/openid-configuration');
});

it('a provider elsewhere cannot lead the server to another service of its own machine', () => {
  const far = new URL('https://server.example.com');
  expect(readKeySetUrl('https://keys.example.com/jwks?version=1', far)).toBeInstanceOf(URL);
  for (const url of [
    'http://127.0.0.1:9000/jwks',
    'http://localhost/jwks',
    'file:///etc/passwd',
    'jwks',
    7,
    undefined,
  ]) {
    expect(readKeySetUrl(url, far), String(url)).toBeUndefined();
  }
});

it('a provider of this machine leads to keys of its own port or over https, and nowhere else', () => {
  const near = new URL('http://127.0.0.1:3000/realm');
  expect(readKeySetUrl('http://127.0.0.1:3000/jwks', near)).toBeInstanceOf(URL);
  expect(readKeySetUrl('https://keys.example.com/jwks', near)).toBeInstanceOf(URL);
  for (const url of ['http://127.0.0.1:9000/jwks', 'http://localhost:3000/jwks', 'http://u:p@127.0.0.1:3000/jwks']) {
    expect(readKeySetUrl(url, near), url).toBeUndefined();
  }
});
