import { STATUS_CODES } from "node:http";

/** The head of an answer as bytes; for connections that have left the HTTP server's care. `headers`: names and values in turn. In latin1, as header values are read: in UTF-8 every byte above 127 would be doubled. */
export function rawHead(status: number, headers: readonly string[]): Buffer {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n`;
  for (let index = 0; index < headers.length; index += 2) text += `${headers[index]}: ${checked(headers[index + 1] as string)}\r\n`;
  return Buffer.from(`${text}\r\n`, "latin1");
}

function checked(value: string): string {
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw new Error(`a header value that HTTP does not allow: ${JSON.stringify(value)}`);
  return value;
}
