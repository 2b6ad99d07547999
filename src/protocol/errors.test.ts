import { describe, expect, it } from 'vitest';
import { ERRORS, EXIT, isErrorCode, ParleyError } from './errors.ts';

describe('the table of errors', () => {
  it.each(Object.entries(ERRORS))('%s has a snake_case code, a status, an exit code and a sentence', (code, row) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.status).toBeLessThan(600);
    expect(Object.values(EXIT)).toContain(row.exit);
    expect(row.exit).not.toBe(EXIT.ok);
    expect(row.title).toMatch(/^[A-Z].*[^ ]\.?$/);
    // Close codes of applications are 4000 to 4999 (RFC 6455 section 7.4.2); 1009 and 1011 are the protocol's own.
    if ('close' in row)
      expect(row.close === 1009 || row.close === 1011 || Math.floor(row.close / 1000) === 4).toBe(true);
  });

  it('knows its codes, and nothing that every object has', () => {
    expect(isErrorCode('stale_devices')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
    expect(isErrorCode('nonsense')).toBe(false);
  });
});

describe('ParleyError', () => {
  it('takes what it does not say itself from the table', () => {
    const error = new ParleyError('no_leader');
    expect(error).toMatchObject({
      message: ERRORS.no_leader.title,
      retryable: true,
      exitCode: EXIT.noQuorum,
      data: {},
    });
  });

  it('carries particulars and a cause', () => {
    const cause = new Error('why');
    const error = new ParleyError('forbidden', 'Not you.', { cause, data: { who: 'me' } });
    expect(error).toMatchObject({
      code: 'forbidden',
      message: 'Not you.',
      cause,
      data: { who: 'me' },
      retryable: false,
    });
  });
});
