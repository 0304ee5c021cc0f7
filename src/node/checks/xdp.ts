import { check, warning } from "../check.ts";

export const xdp = check({
  name: "xdp",
  of: "director",
  summary: "where the director is to have XDP, drivers do what it needs, and it is there",
  look: ({ director, interfaces, xdp }) => {
    const { wantsXdp, interfaces: taken } = director!;
    return taken.flatMap(({ device, xdpAt }) => {
      const index = interfaces.find(({ name }) => name === device)?.index;
      if (!wantsXdp || index === undefined) return [];
      const can = xdp(index);
      if (!can) {
        const text = "this kernel does not say what drivers can do with XDP: packets take tcx";
        return warning(text, "Linux 6.3 or later, or director.xdp: false");
      }
      if (!can.runs || !can.redirects) {
        const text = `the driver of ${device} does not run XDP as the director needs it: packets take tcx`;
        return warning(text, "director.xdp: false, or an interface whose driver does");
      }
      if (xdpAt !== index) {
        const text = `the director's program for XDP is not at ${device}: packets take tcx`;
        return warning(text, "weir status says why, while weir runs");
      }
      if (can.sends) return [];
      return warning(
        `${device} takes no frames from XDP to send out: packets to servers there take tcx`,
        "of a veth: ethtool -K on its other end, gro on; else see what the driver wants",
      );
    });
  },
});
