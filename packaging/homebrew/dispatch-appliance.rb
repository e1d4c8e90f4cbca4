# Written by `make formula` from packaging/lock and packaging/homebrew/dispatch-appliance.rb.in.
class DispatchAppliance < Formula
  include Language::Python::Virtualenv

  desc "Hand work to a coding agent from your phone: judged, approved, sandboxed, logged"
  homepage "https://dispatch-appliance.invalid"
  url "https://dispatch-appliance.invalid/releases/dispatch_appliance-0.1.0.tar.gz"
  license "Apache-2.0"

  depends_on "python@3.13"

  on_macos do
    depends_on arch: :arm64
    depends_on macos: :sonoma
  end

  on_linux do
    depends_on arch: :x86_64
    depends_on "bubblewrap"
  end

  resource "aiofiles" do
    url "https://dispatch-appliance.invalid/releases/aiofiles-25.1.0-py3-none-any.whl"
    sha256 "abe311e527c862958650f9438e859c1fa7568a141b22abcd015e120e86a85695"
  end

  resource "aiogram" do
    url "https://dispatch-appliance.invalid/releases/aiogram-3.31.0-py3-none-any.whl"
    sha256 "d889493c5917a867fc9da81fd6e6b3ae438e98bfe1b004fcdafe7400461a6c1b"
  end

  resource "aiohappyeyeballs" do
    url "https://dispatch-appliance.invalid/releases/aiohappyeyeballs-2.7.1-py3-none-any.whl"
    sha256 "9243213661e29250eb41368e5daa826fc017156c3b8a11440826b2e3ed376472"
  end

  resource "aiohttp" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/aiohttp-3.14.5-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "e1cc2bfaee8c214f06080a7c7d5772419b8a1108e8e5349236189811823fb02a"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/aiohttp-3.14.5-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
      sha256 "1ffa3a523a36d8628f98c06492ae16a31a23d14c0b4ec721757b477319f656d6"
    end
  end

  resource "aiosignal" do
    url "https://dispatch-appliance.invalid/releases/aiosignal-1.4.0-py3-none-any.whl"
    sha256 "053243f8b92b990551949e63930a839ff0cf0b0ebbe0597b0f3fb19e1a0fe82e"
  end

  resource "annotated-types" do
    url "https://dispatch-appliance.invalid/releases/annotated_types-0.8.0-py3-none-any.whl"
    sha256 "f072f4d804ea359e4eaf198b1af7a8b0943881a87f31bb764f8bf219bb9419e0"
  end

  resource "attrs" do
    url "https://dispatch-appliance.invalid/releases/attrs-26.1.0-py3-none-any.whl"
    sha256 "c647aa4a12dfbad9333ca4e71fe62ddc36f4e63b2d260a37a8b83d2f043ac309"
  end

  resource "bracex" do
    url "https://dispatch-appliance.invalid/releases/bracex-3.2.2-py3-none-any.whl"
    sha256 "284d59c4656e5a0421ff691402074bd5847049d50410535764a2c522a47095bc"
  end

  resource "certifi" do
    url "https://dispatch-appliance.invalid/releases/certifi-2026.10.18-py3-none-any.whl"
    sha256 "73191c47aaa79da394e8fee2dbc2ec827432cab56311122c9e47abf79e390f62"
  end

  resource "cffi" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/cffi-2.1.1-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "19ee6127ee34de7d83ce3d371ebc5ed91addbdcc39f9ab15ce4eb35a4e534971"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/cffi-2.1.1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
      sha256 "a931079504ecc49efed7744c476a5c343a92fabf66dec2db95edb1b2fdc770e2"
    end
  end

  resource "click" do
    url "https://dispatch-appliance.invalid/releases/click-8.5.1-py3-none-any.whl"
    sha256 "8bb5376d2006950386f8c6427613334a2acadc5f559cb80e638d00b4df957e37"
  end

  resource "click-default-group" do
    url "https://dispatch-appliance.invalid/releases/click_default_group-1.2.4-py2.py3-none-any.whl"
    sha256 "9b60486923720e7fc61731bdb32b617039aba820e22e1c88766b1125592eaa5f"
  end

  resource "cryptography" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/cryptography-50.0.2-cp311-abi3-macosx_11_0_arm64.whl"
      sha256 "fa8f5efb344d6908a1ce62f4a24e2e5780f825d6f53f5f50ec5ffacac72936cb"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/cryptography-50.0.2-cp311-abi3-manylinux_2_34_x86_64.whl"
      sha256 "9dab55f57c74c3cad24c323bacbbd04be4705ba6eb0d92e920b1fc4837ed5079"
    end
  end

  resource "frozenlist" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/frozenlist-1.8.0-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "f21f00a91358803399890ab167098c131ec2ddd5f8f5fd5fe9c9f2c6fcd91e40"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/frozenlist-1.8.0-cp313-cp313-manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64.whl"
      sha256 "fb30f9626572a76dfe4293c7194a09fb1fe93ba94c7d4f720dfae3b646b45027"
    end
  end

  resource "idna" do
    url "https://dispatch-appliance.invalid/releases/idna-3.20-py3-none-any.whl"
    sha256 "ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c"
  end

  resource "jeepney" do
    url "https://dispatch-appliance.invalid/releases/jeepney-0.9.0-py3-none-any.whl"
    sha256 "97e5714520c16fc0a45695e5365a2e11b81ea79bba796e26f9f1d178cb182683"
  end

  resource "magic-filter" do
    url "https://dispatch-appliance.invalid/releases/magic_filter-1.0.12-py3-none-any.whl"
    sha256 "e5929e544f310c2b1f154318db8c5cdf544dd658efa998172acd2e4ba0f6c6a6"
  end

  resource "markdown-it-py" do
    url "https://dispatch-appliance.invalid/releases/markdown_it_py-4.3.0-py3-none-any.whl"
    sha256 "7aa1511a46c39138de78d9eba92ce47e63124d8003fc98b3a351909e04239efa"
  end

  resource "mdurl" do
    url "https://dispatch-appliance.invalid/releases/mdurl-0.1.2-py3-none-any.whl"
    sha256 "84008a41e51615a49fc9966191ff91509e3c40b939176e643fd50a5c2196b8f8"
  end

  resource "multidict" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/multidict-7.2.1-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "4bebc9587cc29359e3b045518a7a09264fa882a7d165b0d143fdac8eeb7ea948"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/multidict-7.2.1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
      sha256 "cd69c99affd1b4debc1f9a53058ea6e3a9b34f2e733840bb45891666cd8ede0a"
    end
  end

  resource "pillow" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/pillow-13.0.0-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "f11a3c1358bb3c68012a7b1f41b223c3db9f7bfde90b481df028cfe1c3363313"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/pillow-13.0.0-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
      sha256 "5f56499c1a74d2b862beb0c33b8016f99d095858455df9d21583bbbc1c15b582"
    end
  end

  resource "pluggy" do
    url "https://dispatch-appliance.invalid/releases/pluggy-1.7.0-py3-none-any.whl"
    sha256 "7dd7b0d8832ba3cb632c306926ded123429211b83641b35dc5c41ad2d34f9bec"
  end

  resource "prometheus-client" do
    url "https://dispatch-appliance.invalid/releases/prometheus_client-0.26.0-py3-none-any.whl"
    sha256 "fa93d06737aa02bacd05794768508bb97d2fbee28cb3bca04eaae92f0ca953d6"
  end

  resource "propcache" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/propcache-0.5.4-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "44149f46500a0a41b95b4d99c2e586a77319539730607b9892974a092788b111"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/propcache-0.5.4-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
      sha256 "f85915e00dcb1cd9f2f890ead064ed40a27df06f0db65be427b29482ae357572"
    end
  end

  resource "psutil" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/psutil-7.2.2-cp36-abi3-macosx_11_0_arm64.whl"
      sha256 "1a7b04c10f32cc88ab39cbf606e117fd74721c831c98a27dc04578deb0c16979"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/psutil-7.2.2-cp36-abi3-manylinux2010_x86_64.manylinux_2_12_x86_64.manylinux_2_28_x86_64.whl"
      sha256 "076a2d2f923fd4821644f5ba89f059523da90dc9014e85f8e45a5774ca5bc6f9"
    end
  end

  resource "pycasbin" do
    url "https://dispatch-appliance.invalid/releases/pycasbin-2.8.0-py3-none-any.whl"
    sha256 "1a9e370de553c677c4dff75a5d6f3b0eb354b73b20d7df77ff4ee61a71267a3a"
  end

  resource "pycparser" do
    url "https://dispatch-appliance.invalid/releases/pycparser-3.12-py3-none-any.whl"
    sha256 "a076f3f489b39b43ed13563a1dafe42447445bec2e294154ec5c57fcdda4c85e"
  end

  resource "pydantic" do
    url "https://dispatch-appliance.invalid/releases/pydantic-2.13.5-py3-none-any.whl"
    sha256 "346a034f080da3755d8e9cb5e00e8b07de1d39e4f6e2c87d8ab7cafa0b269a73"
  end

  resource "pydantic-core" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/pydantic_core-2.46.5-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "f332f0e72a5a0400141f830744e141bf9f97917878dbe968669e8a7fefea78ff"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/pydantic_core-2.46.5-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
      sha256 "6f7b393a8b3da82f5c1fc0751e6d01ac6c55b93c18226a60bdfba4a724efafd1"
    end
  end

  resource "python-dateutil" do
    url "https://dispatch-appliance.invalid/releases/python_dateutil-4.0.0-py3-none-any.whl"
    sha256 "a5e246f79eb80475e691bf93862cead98decd8a498cf53ba0516fcdc0f50dc1c"
  end

  resource "sdnotify" do
    url "https://dispatch-appliance.invalid/releases/sdnotify-0.3.2-py3-none-any.whl"
    sha256 "543369419605b22a9e0d9dd54ea42dfb2d62a7bfc9a70f7dd5e9584e139cdd1a"
  end

  resource "segno" do
    url "https://dispatch-appliance.invalid/releases/segno-1.6.6-py3-none-any.whl"
    sha256 "28c7d081ed0cf935e0411293a465efd4d500704072cdb039778a2ab8736190c7"
  end

  resource "setuptools" do
    url "https://dispatch-appliance.invalid/releases/setuptools-84.2.1-py3-none-any.whl"
    sha256 "ca140b45d5325a9478f880e351484f62fef15f336462e449ca0c03c873d589c2"
  end

  resource "simpleeval" do
    url "https://dispatch-appliance.invalid/releases/simpleeval-1.0.8-py3-none-any.whl"
    sha256 "c9c4ff42879ebf0c05f6562cb81031869948916be343bcc950b81fcc081fe9ce"
  end

  resource "sqlite-fts4" do
    url "https://dispatch-appliance.invalid/releases/sqlite_fts4-1.0.3-py3-none-any.whl"
    sha256 "0359edd8dea6fd73c848989e1e2b1f31a50fe5f9d7272299ff0e8dbaa62d035f"
  end

  resource "sqlite-utils" do
    url "https://dispatch-appliance.invalid/releases/sqlite_utils-4.2.1-py3-none-any.whl"
    sha256 "7fbaee670713b25eceba05779b844f0895efaf680d9a226fa5ba7dfe165721c5"
  end

  resource "tabulate" do
    url "https://dispatch-appliance.invalid/releases/tabulate-0.10.0-py3-none-any.whl"
    sha256 "f0b0622e567335c8fabaaa659f1b33bcb6ddfe2e496071b743aa113f8774f2d3"
  end

  resource "tree-sitter" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/tree_sitter-0.26.1-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "16ada9e60b91cbaba7715c649655351cdf97ddc2f07fb11388924e027abf53e7"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/tree_sitter-0.26.1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
      sha256 "00e55f823de46b2bbcab9ca58a4c2a7ccc2b1dc28ed3fad7355fb32726008e21"
    end
  end

  resource "tree-sitter-bash" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/tree_sitter_bash-0.25.1-cp310-abi3-macosx_11_0_arm64.whl"
      sha256 "f4a34a6504c7c5b2a9b8c5c4065531dea19ca2c35026e706cf2eeeebe2c92512"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/tree_sitter_bash-0.25.1-cp310-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
      sha256 "3f484c4bb8796cde7a87ca351e6116f09653edac0eb3c6d238566359dd28b117"
    end
  end

  resource "typing-extensions" do
    url "https://dispatch-appliance.invalid/releases/typing_extensions-4.16.0-py3-none-any.whl"
    sha256 "481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8"
  end

  resource "typing-inspection" do
    url "https://dispatch-appliance.invalid/releases/typing_inspection-0.4.5-py3-none-any.whl"
    sha256 "bc210535442b39e1bf2805e0c7a17dfd6a4ace760c84c7f7d16245d23a6b1c39"
  end

  resource "tzdata" do
    url "https://dispatch-appliance.invalid/releases/tzdata-2026.6-py2.py3-none-any.whl"
    sha256 "0a10eec6e13ef16b627fabed9a5f2ba61a62b1c67f327305f4e7e412a70b4aec"
  end

  resource "wcmatch" do
    url "https://dispatch-appliance.invalid/releases/wcmatch-12.0.1-py3-none-any.whl"
    sha256 "0e11b0bf1700bc8222ad5e7dc79fb326d9e0304458c7e2c25419ab6d26d07d8e"
  end

  resource "yarl" do
    on_macos do
      url "https://dispatch-appliance.invalid/releases/yarl-1.25.1-cp313-cp313-macosx_11_0_arm64.whl"
      sha256 "0f12afda4eea8c8994a76d4df1875c765194f5fbe8a9d197929ea303caee29ec"
    end
    on_linux do
      url "https://dispatch-appliance.invalid/releases/yarl-1.25.1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
      sha256 "be80550d9bfe83d9b62398a37081a90434e6df2d978ec345c3d2820de6beddab"
    end
  end

  def install
    venv = virtualenv_create(libexec, "python3.13", system_site_packages: false)
    resources.each do |library|
      library.stage { venv.pip_install Pathname.pwd/library.downloader.basename }
    end
    # setuptools is one of those: nothing is fetched that is not named here
    venv.pip_install_and_link buildpath, build_isolation: false

    # where dispatchctl setup looks for a policy to begin with; not etc, as the ".default" files of
    # an upgrade would be refused there as policies that nobody wrote
    venv.site_packages.install "policies"
    pkgshare.install "packaging/launchd", "packaging/grafana", "packaging/prometheus"

    system libexec/"bin/python", "packaging/man/pages.py", buildpath/"man"
    man1.install Dir["man/*.1"]
    man5.install Dir["man/*.5"]
    man8.install Dir["man/*.8"]
    bash_completion.install Dir["completions/**/dispatchctl"]
    zsh_completion.install Dir["completions/**/_dispatchctl"]
  end

  def caveats
    config = "--config #{etc}/dispatch/dispatch.toml"
    everywhere = <<~TEXT
      Nothing runs yet. Next:
        dispatchctl setup #{config}
      then:
        brew services start dispatch-appliance
      Every other dispatchctl wants #{config}, too.

      The agent runs as you, behind one wall. For two accounts, which is safer:
        #{OS.mac? ? "#{opt_pkgshare}/launchd/README.md" : "take the Debian package"}
    TEXT
    return everywhere unless OS.mac?

    everywhere + <<~TEXT

      While there is work this Mac stays awake, but not with its lid closed.
      A service is never asked for access to Desktop, Documents, Downloads or other disks. Keep
      projects elsewhere, or give Full Disk Access (System Settings, Privacy & Security) to
        #{opt_libexec}/bin/python
    TEXT
  end

  service do
    run [opt_bin/"dispatchd", "--config", etc/"dispatch/dispatch.toml"]
    keep_alive successful_exit: false
    process_type :standard
    environment_variables PATH: std_service_path_env
    error_log_path var/"log/dispatchd.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/dispatchctl --version")

    cp_r libexec.glob("lib/python*/site-packages/policies").first, testpath
    (testpath/"project").mkpath
    (testpath/"dispatch.toml").write <<~TOML
      [daemon]
      state = "#{testpath}/state"
      policies = "#{testpath}/policies"
      credentials = "#{testpath}/credentials"
      minimum_isolation = "none"

      [terminal]
      socket = "#{testpath}/control"

      [users.me]
      unix = [#{Process.uid}]

      [projects.sample]
      path = "#{testpath}/project"
    TOML
    system bin/"dispatchctl", "config", "check", "dispatch.toml"
    system bin/"dispatchctl", "policy", "check", "--config", "dispatch.toml"

    daemon = spawn "#{bin}/dispatchd", "--config", "dispatch.toml"
    begin
      60.times { (testpath/"control").exist? ? break : sleep(1) }
      assert_match "nothing; 0 queued", shell_output("#{bin}/dispatchctl status --config dispatch.toml")
    ensure
      Process.kill "TERM", daemon
      Process.wait daemon
    end
    assert_match "are what was signed", shell_output("#{bin}/dispatchctl audit verify state/audit")
  end
end
