/* ES5, an extra only: keys for the review desk. j next, k previous, a accept, r write the reason. */
(function (d) {
  function typing(x) { return /^(INPUT|TEXTAREA|SELECT)$/.test(x.tagName) && x.type !== 'checkbox'; }
  var now = d.querySelector('.queue .now'), list = d.querySelector('.queue ul');
  if (now && list) list.scrollTop = now.offsetTop - list.offsetTop - 80;
  d.addEventListener('keydown', function (e) {
    if (e.ctrlKey || e.altKey || e.metaKey || e.isComposing || e.repeat) return;
    if (e.key === 'Escape' && d.activeElement) { d.activeElement.blur(); return; }
    if (typing(e.target) || !/^[jkar]$/.test(e.key)) return;
    var x = d.querySelector('[data-key="' + e.key + '"]');
    if (!x) return;
    e.preventDefault();
    if (e.key === 'r') x.focus(); else x.click();
  });
})(document);
