/** What of net-snmp is used here: its manager and its reader of MIB modules. */
declare module "net-snmp" {
  export interface Varbind {
    readonly oid: string;
    readonly type: number;
    readonly value: unknown;
  }
  export interface Session {
    walk(oid: string, maxRepetitions: number, feed: (varbinds: readonly Varbind[]) => boolean | undefined, done: (error?: Error) => void): void;
    get(oids: readonly string[], done: (error: Error | null, varbinds: readonly Varbind[]) => void): void;
    on(event: "error", listener: (error: Error) => void): void;
    close(): void;
  }
  export interface MibEntry {
    readonly ObjectName?: string;
    readonly OID?: string;
    readonly MACRO?: string;
    readonly SYNTAX?: unknown;
    readonly DESCRIPTION?: string;
    readonly "MAX-ACCESS"?: string;
  }
  export interface ModuleStore {
    loadFromFile(file: string): void;
    getModules(includeBase: boolean): Readonly<Record<string, Readonly<Record<string, MibEntry>>>>;
  }
  export interface SessionOptions {
    readonly port?: number;
    readonly version?: number;
    readonly timeout?: number;
    readonly retries?: number;
    readonly transport?: "udp4" | "udp6";
  }
  const snmp: {
    readonly Version2c: number;
    readonly Version3: number;
    readonly SecurityLevel: Readonly<Record<"noAuthNoPriv" | "authNoPriv" | "authPriv", number>>;
    readonly AuthProtocols: Readonly<Record<"sha" | "sha224" | "sha256" | "sha384" | "sha512", string>>;
    readonly PrivProtocols: Readonly<Record<"aes", string>>;
    createSession(target: string, community: string, options: SessionOptions): Session;
    createV3Session(
      target: string,
      user: {
        readonly name: string;
        readonly level: number;
        readonly authProtocol?: string;
        readonly authKey?: string;
        readonly privProtocol?: string;
        readonly privKey?: string;
      },
      options: SessionOptions,
    ): Session;
    createModuleStore(): ModuleStore;
    isVarbindError(varbind: Varbind): boolean;
    varbindError(varbind: Varbind): string;
  };
  export default snmp;
}
