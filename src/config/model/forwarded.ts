import { bool, list, network, optional, section, text } from "#schema/index.ts";

export const forwardedFields = {
  xForwardedFor: bool({ help: "Tell servers the client's address", fallback: true }),
  xForwardedProto: bool({ help: "Tell servers `http` or `https`", fallback: true }),
  xForwardedHost: bool({ help: "Tell servers the Host the client asked for", fallback: false }),
  forwarded: bool({ help: "Write the standard `Forwarded` (RFC 7239)", fallback: false }),
  via: optional(
    text({
      help: "Name to add to `Via` (RFC 9110 §7.6.3); absent: none is added",
      pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z:-]+$/,
      expected: "a name without spaces",
      maxLength: 256,
    }),
  ),
  trusted: list(network({ help: "A network" }), {
    help: "Proxies in front of us: what their own forwarding fields say is kept and added to; everybody else's is replaced",
    fallback: [],
    single: true,
  }),
};

export const forwarded = section(forwardedFields, {
  help: "What servers are told about the client",
});
