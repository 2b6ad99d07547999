import { X509Certificate } from 'node:crypto';
import { readFileSync, statfsSync, statSync } from 'node:fs';
import type { DiagnosisJson } from '../../protocol/http/diagnosis.ts';

/** What a node finds when it looks at the files it was given. */

const OTHERS_MAY_READ = 0o044;
const OTHERS_MAY_WRITE = 0o022;

/** Secrets are for the user of the process alone. */
export function complaintsAbout(secrets: readonly string[]): DiagnosisJson['files'] {
  return secrets.flatMap((path) => {
    const complaint = complaintAbout(path);
    return complaint === null ? [] : [{ path, complaint }];
  });
}

function complaintAbout(path: string): string | null {
  try {
    const { mode } = statSync(path);
    if ((mode & OTHERS_MAY_WRITE) !== 0) return 'others may write it';
    return (mode & OTHERS_MAY_READ) === 0 ? null : 'others may read it';
  } catch (error) {
    return `it cannot be looked at (${(error as NodeJS.ErrnoException).code ?? 'error'})`;
  }
}

/** Null where the system does not tell. */
export function spaceOf(dir: string): DiagnosisJson['disk'] {
  try {
    const { bsize, bavail, blocks } = statfsSync(dir);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}

/** When the first certificate of a PEM file expires, milliseconds since the epoch; null without a file. */
export function expiryOf(certFile: string | null): number | null {
  return certFile === null ? null : Date.parse(new X509Certificate(readFileSync(certFile)).validTo);
}
