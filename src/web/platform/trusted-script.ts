/** Where the policy of the page knows Trusted Types, a script's address has to be one; a policy is made once. */
const policy = window.trustedTypes?.createPolicy('parley-worker', { createScriptURL: (path) => path });

/** @param path of a script of this app, as the build made it */
export function scriptAddress(path: string): string {
  return (policy?.createScriptURL(path) ?? path) as string;
}
