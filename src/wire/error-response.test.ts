import { describe, expect, test } from 'vitest';
import { awsErrorCodes, internalErrorCodes, KeyholdError } from '../runtime/errors.ts';
import { errorResponse } from './error-response.ts';

describe('errorResponse', () => {
  test.each([
    ['NotFoundException', 400, '{"__type":"NotFoundException","message":"Why \\"x\\""}'],
    ['ValidationException', 400, '{"__type":"ValidationException","message":"Why \\"x\\""}'],
    ['AccessDeniedException', 400, '{"__type":"AccessDeniedException","Message":"Why \\"x\\""}'],
    ['SerializationException', 400, '{"__type":"SerializationException","Message":"Why \\"x\\""}'],
    ['RequestEntityTooLargeException', 413, '{"__type":"RequestEntityTooLargeException","message":"Why \\"x\\""}'],
    ['KeyUnavailableException', 500, '{"__type":"KeyUnavailableException","message":"Why \\"x\\""}'],
    ['KMSInternalException', 500, '{"__type":"KMSInternalException","message":"Why \\"x\\""}'],
    ['InvalidCiphertextException', 400, '{"__type":"InvalidCiphertextException"}'],
  ] as const)('writes %s', (type, status, body) => {
    expect(errorResponse(new KeyholdError(type, 'Why "x"'))).toEqual({ status, type, body });
  });

  test('leaves an empty message out', () => {
    expect(errorResponse(new KeyholdError('UnknownOperationException')).body).toBe(
      '{"__type":"UnknownOperationException"}',
    );
  });

  test('gives every code of AWS’s its own name', () => {
    for (const code of awsErrorCodes) {
      const { type, body } = errorResponse(new KeyholdError(code));
      const name = code === 'ExpiredSessionToken' ? 'ExpiredTokenException' : code;
      expect(type).toBe(name);
      expect(JSON.parse(body)).toEqual({ __type: name });
    }
  });

  test('tells nothing of what broke inside', () => {
    const secret = 'of /var/lib/keyhold';
    const broken = [
      ...internalErrorCodes.map((code) => new KeyholdError(code, secret)),
      new TypeError(secret),
      { code: 'NotFoundException', message: secret },
      secret,
      undefined,
    ];
    for (const error of broken) {
      const { status, type, body } = errorResponse(error);
      expect([status, type]).toEqual([500, 'KMSInternalException']);
      expect(JSON.parse(body).__type).toBe('KMSInternalException');
      expect(body).not.toContain(secret);
    }
  });

  test('never shows a cause', () => {
    const error = new KeyholdError('NotFoundException', 'gone', { cause: new Error('the reason') });
    expect(JSON.stringify(errorResponse(error))).not.toContain('reason');
  });
});
