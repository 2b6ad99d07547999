// Installs the packages, if they are missing or outdated, and nothing else.
import { ensureInstalled, failWith } from './prepare.mjs';

try {
  ensureInstalled();
} catch (error) {
  failWith(error);
}
