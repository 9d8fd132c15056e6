export { type CertificateEnd, readCertificateEnds } from "./certificate-ends.ts";
export { type Certificates, type CertificatesOptions, ensureCertificates } from "./certificates.ts";
export { replaceFile as replacePrivateFile } from "./kept-file.ts";
export { type KubeconfigOptions, kubeconfig } from "./kubeconfig.ts";
export { type Authenticate, ensureTokens, tokenAuthenticator, type User, users } from "./tokens.ts";
