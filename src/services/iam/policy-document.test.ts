import { expect, test } from 'vitest';
import { refuseLargerPolicies, urlEncodedPolicy } from './policy-document.ts';

test('the policies of a user may be as large together as their quota, and no larger', () => {
  const policies = (...sizes: number[]) =>
    sizes.map((size, index) => ({ policyName: `p${index}`, document: `${'x'.repeat(size)} \n` }));
  expect(() => refuseLargerPolicies('User', 'alice', policies(48, 2000))).not.toThrow();
  expect(() => refuseLargerPolicies('User', 'alice', policies(49, 2000))).toThrow(
    'Maximum policy size of 2048 bytes exceeded for user alice',
  );
});

test('every character that RFC 3986 does not leave unreserved is encoded', () => {
  const printable = Array.from({ length: 0xe0 }, (_, index) => String.fromCharCode(index + 0x20)).join('');
  const encoded = urlEncodedPolicy(printable);
  expect(encoded).toMatch(/^(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})+$/);
  expect(encoded).toContain('%20%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F0');
  expect(decodeURIComponent(encoded)).toBe(printable);
});
