import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeName } from './safe-name.ts';

describe('the name of a file that comes from others', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['Bericht für Änn 1.txt', 'Bericht für Änn 1.txt'],
    ['../../etc/passwd', 'passwd'],
    ['/etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['C:\\x.txt', 'x.txt'],
    ['.bashrc', '_bashrc'],
    ['..', 'file'],
    ['.', 'file'],
    ['', 'file'],
    ['/', 'file'],
    ['a/', 'file'],
    ['con', '_con'],
    ['NUL.txt', '_NUL.txt'],
    ['a\u0000b\u001b[2J\u202Egpj.exe', 'a_b_[2J_gpj.exe'],
    ['name.', 'name'],
    ['a:b*c?.txt', 'a_b_c_.txt'],
  ])('%j becomes %j', (given, safe) => expect(safeName(given)).toBe(safe));

  it('keeps its ending when it is cut', () => {
    const safe = safeName(`${'ä'.repeat(300)}.tar.gz`);
    expect(safe).toMatch(/^ä+\.gz$/);
    expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(200);
  });

  it('is a mere name, whatever is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (given) => {
        const safe = safeName(given);
        expect(safe).not.toMatch(/[/\\]/);
        expect(Array.from(safe).every((character) => character >= ' ')).toBe(true);
        expect(safe).not.toMatch(/^(\.|\s|$)/);
        expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(200);
      }),
    );
  });
});
