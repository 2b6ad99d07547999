/** The part of the Trusted Types API (W3C) that the app uses; TypeScript does not describe it yet. */
interface Window {
  readonly trustedTypes?: {
    createPolicy(
      name: string,
      rules: { readonly createScriptURL: (text: string) => string },
    ): { createScriptURL(text: string): object };
  };
}
